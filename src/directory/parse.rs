//! `projects.toml`: from text to a directory.

use std::collections::HashMap;

use toml::de::DeTable;

use super::Directory;
use super::fields::{Fault, Faults, Fields, fault_at};
use super::model::{
    Condition, FeatureFlag, Filter, FlagCondition, FlagKind, Platform, Project, Tag, Test, TestTask, Variant,
};

/// What Postgres' `int` holds: ids and sizes go there one day.
const INT_MAX: u32 = i32::MAX as u32;
/// Two hours, OpenReplay's default.
const SESSION_DURATION_MS: u32 = 7_200_000;
/// A hundred years.
const RETAIN_DAYS_MAX: u32 = 36_500;
/// Longest key of a project, in characters.
const KEY_CHARS_MAX: usize = 64;

impl Directory {
    /// Reads the text of a `projects.toml`, or tells all that is wrong with it, by line: every fault of its syntax, else the
    /// first of each table.
    pub(super) fn parse(source: &str) -> Result<Self, Vec<Fault>> {
        let (document, errors) = DeTable::parse_recoverable(source);
        let syntax = errors.iter().map(|error| {
            let at = error.span().map_or(0, |span| span.start);
            fault_at(source, at, error.message())
        });
        let faults = Faults::new(syntax.collect());
        if !faults.borrow().is_empty() {
            return Err(by_line(faults));
        }
        let fields = Fields::new(source, &faults, document.get_ref(), document.span());
        let read = Self::read(fields).map_err(|fault| faults.borrow_mut().push(fault));
        match read {
            Ok(directory) if faults.borrow().is_empty() => Ok(directory),
            _ => Err(by_line(faults)),
        }
    }

    fn read(mut fields: Fields<'_, '_>) -> Result<Self, Fault> {
        let mut seen = Seen::default();
        let mut projects = fields.tables("projects", |fields| project(fields, &mut seen))?;
        let places = seen.ids;
        for (at, tag) in fields.tables("tags", |fields| owned(fields, &places, tag))? {
            hang(&mut projects, at, |project| project.tags.push(tag));
        }
        for (at, condition) in fields.tables("conditions", |fields| owned(fields, &places, condition))? {
            hang(&mut projects, at, |project| project.conditions.push(condition));
        }
        for (at, flag) in fields.tables("feature_flags", |fields| owned(fields, &places, feature_flag))? {
            hang(&mut projects, at, |project| project.feature_flags.push(flag));
        }
        for (at, test) in fields.tables("ut_tests", |fields| owned(fields, &places, test))? {
            hang(&mut projects, at, |project| project.ut_tests.push(test));
        }
        fields.finish()?;
        Ok(Self::from_projects(projects))
    }
}

/// Hangs something on a project. One that has a fault of its own is not there: the file is refused for that.
fn hang(projects: &mut [Project], at: usize, hang_on: impl FnOnce(&mut Project)) {
    if let Some(project) = projects.get_mut(at) {
        hang_on(project);
    }
}

/// The faults in their order in the file, one a line: the first brings the others of its line with it.
fn by_line(faults: Faults) -> Vec<Fault> {
    let mut faults = faults.into_inner();
    faults.sort_by_key(|fault| fault.line);
    faults.dedup_by_key(|fault| fault.line);
    faults
}

/// What other projects have taken already: the place of each id, and the keys.
#[derive(Default)]
struct Seen {
    ids: HashMap<u32, usize>,
    keys: HashMap<String, u32>,
}

fn project(mut fields: Fields<'_, '_>, seen: &mut Seen) -> Result<Project, Fault> {
    let project_id = fields.integer("project_id", 1..=INT_MAX)?;
    let place = seen.ids.len();
    if seen.ids.insert(project_id, place).is_some() {
        let text = format!("there is another project {project_id}; each needs its own number");
        return Err(fields.fault_of("project_id", text));
    }
    let project_key = fields.text("project_key")?;
    let length = project_key.chars().count();
    if length == 0 || length > KEY_CHARS_MAX {
        let text = format!("`project_key` must have 1 to {KEY_CHARS_MAX} characters, not {length}");
        return Err(fields.fault_of("project_key", text));
    }
    if let Some(other) = seen.keys.insert(project_key.clone(), project_id) {
        let text = format!("project {other} has this key already; each needs its own");
        return Err(fields.fault_of("project_key", text));
    }
    let platforms = [Platform::Web, Platform::Ios, Platform::Android];
    let platforms = platforms.map(|platform| (platform.as_str(), platform));
    let project = Project {
        project_id,
        project_key,
        name: fields.text_or_empty("name")?,
        platform: fields.word("platform", &platforms, Some(Platform::Web))?,
        active: fields.bool_or("active", true)?,
        sample_rate: fields.percent_or("sample_rate", 100)?,
        max_session_duration: fields.integer_or("max_session_duration", 1..=INT_MAX, SESSION_DURATION_MS)?,
        beacon_size: fields.integer_or("beacon_size", 0..=INT_MAX, 0)?,
        retain_days: fields.integer_if("retain_days", 0..=RETAIN_DAYS_MAX)?,
        save_request_payloads: fields.bool_or("save_request_payloads", false)?,
        deleted_at: fields.date_if("deleted_at")?,
        tags: Vec::new(),
        conditions: Vec::new(),
        feature_flags: Vec::new(),
        ut_tests: Vec::new(),
    };
    fields.finish()?;
    Ok(project)
}

/// Reads an entry together with the place of the project it belongs to.
fn owned<'t, 'i, T>(
    mut fields: Fields<'t, 'i>,
    places: &HashMap<u32, usize>,
    read: impl FnOnce(&mut Fields<'t, 'i>) -> Result<T, Fault>,
) -> Result<(usize, T), Fault> {
    let id = fields.integer("project_id", 1..=INT_MAX)?;
    let &place = places
        .get(&id)
        .ok_or_else(|| fields.fault_of("project_id", format!("there is no project {id} in this file")))?;
    let entry = read(&mut fields)?;
    fields.finish()?;
    Ok((place, entry))
}

/// Reads an entry of a list within an entry.
fn whole<'t, 'i, T>(
    mut fields: Fields<'t, 'i>,
    read: impl FnOnce(&mut Fields<'t, 'i>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let entry = read(&mut fields)?;
    fields.finish()?;
    Ok(entry)
}

fn tag(fields: &mut Fields<'_, '_>) -> Result<Tag, Fault> {
    Ok(Tag {
        tag_id: fields.integer("tag_id", 0..=INT_MAX)?,
        name: fields.text_or_empty("name")?,
        selector: fields.text("selector")?,
        ignore_click_rage: fields.bool_or("ignore_click_rage", false)?,
        ignore_dead_click: fields.bool_or("ignore_dead_click", false)?,
        location: fields.text_if("location")?,
        deleted_at: fields.date_if("deleted_at")?,
    })
}

fn condition(fields: &mut Fields<'_, '_>) -> Result<Condition, Fault> {
    Ok(Condition {
        condition_id: fields.integer_if("condition_id", 0..=INT_MAX)?,
        name: fields.text("name")?,
        capture_rate: fields.percent_or("capture_rate", 100)?,
        filters: filters(fields)?,
    })
}

fn filters(fields: &mut Fields<'_, '_>) -> Result<Vec<Filter>, Fault> {
    fields.tables("filters", |fields| {
        whole(fields, |fields| {
            Ok(Filter {
                kind: fields.text("type")?,
                operator: fields.text("operator")?,
                value: fields.texts("value")?,
                source: fields.text_if("source")?,
            })
        })
    })
}

fn feature_flag(fields: &mut Fields<'_, '_>) -> Result<FeatureFlag, Fault> {
    let kinds = [("single", FlagKind::Single), ("multi", FlagKind::Multi)];
    Ok(FeatureFlag {
        feature_flag_id: fields.integer("feature_flag_id", 0..=INT_MAX)?,
        flag_key: fields.text("flag_key")?,
        flag_type: fields.word("flag_type", &kinds, Some(FlagKind::Single))?,
        is_persist: fields.bool_or("is_persist", false)?,
        is_active: fields.bool_or("is_active", true)?,
        payload: payload(fields)?,
        conditions: fields.tables("conditions", |fields| {
            whole(fields, |fields| {
                Ok(FlagCondition {
                    name: fields.text_or_empty("name")?,
                    rollout_percentage: fields.percent_or("rollout_percentage", 100)?,
                    filters: filters(fields)?,
                })
            })
        })?,
        variants: fields.tables("variants", |fields| {
            whole(fields, |fields| {
                Ok(Variant {
                    value: fields.text("value")?,
                    payload: payload(fields)?,
                    rollout_percentage: fields.percent_or("rollout_percentage", 100)?,
                })
            })
        })?,
    })
}

/// A payload is JSON, written as text.
fn payload(fields: &mut Fields<'_, '_>) -> Result<Option<String>, Fault> {
    let payload = fields.text_if("payload")?;
    if let Some(text) = &payload
        && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text)
    {
        return Err(fields.fault_of("payload", format!("`payload` is not JSON: {error}")));
    }
    Ok(payload)
}

fn test(fields: &mut Fields<'_, '_>) -> Result<Test, Fault> {
    Ok(Test {
        test_id: fields.integer("test_id", 0..=INT_MAX)?,
        title: fields.text("title")?,
        starting_path: fields.text_or_empty("starting_path")?,
        status: fields.text_if("status")?.unwrap_or_else(|| "preview".to_owned()),
        require_mic: fields.bool_or("require_mic", false)?,
        require_camera: fields.bool_or("require_camera", false)?,
        description: fields.text_or_empty("description")?,
        guidelines: fields.text_or_empty("guidelines")?,
        conclusion_message: fields.text_or_empty("conclusion_message")?,
        visibility: fields.bool_or("visibility", true)?,
        tasks: fields.tables("tasks", |fields| {
            whole(fields, |fields| {
                Ok(TestTask {
                    title: fields.text("title")?,
                    description: fields.text_or_empty("description")?,
                    allow_typing: fields.bool_or("allow_typing", false)?,
                })
            })
        })?,
    })
}
