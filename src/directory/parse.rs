//! Parses the text of `projects.toml` into a directory.

use std::collections::HashMap;

use toml::de::DeTable;

use super::bounds::{INT_MAX, NAME_CHARS_MAX};
use super::fields::{Fault, Faults, Fields, fault_at};
use super::model::{Given, Platform, Project, Retain};
use super::{Directory, tables};

/// Two hours, OpenReplay's default.
const SESSION_DURATION_MS: u32 = 7_200_000;
/// A hundred years.
const RETAIN_DAYS_MAX: u32 = 36_500;
/// The longest project key, in characters.
const KEY_CHARS_MAX: usize = 64;

impl Directory {
    /// Parses the text of a `projects.toml`, or returns its faults by line: every syntax error, or else the first fault of each table.
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
        // A truncated text can't contain this: the list has both its brackets.
        let none_on_purpose = fields.has("projects");
        let mut projects = fields.tables("projects", |fields| project(fields, &mut seen))?;
        tables::read(&mut fields, &seen.ids, &mut projects)?;
        let removed = fields.integers("removed", 1..=INT_MAX)?;
        if let Some(id) = removed.iter().find(|&id| seen.ids.contains_key(id)) {
            let text = format!("project {id} is in this file, and in `removed`: one of them must go");
            return Err(fields.fault_of("removed", text));
        }
        fields.finish()?;
        Ok(Self { none_on_purpose, removed, ..Self::from_projects(projects) })
    }
}

/// The faults in file order, one a line: the first fault of a line carries the line's other faults.
fn by_line(faults: Faults) -> Vec<Fault> {
    let mut faults = faults.into_inner();
    faults.sort_by_key(|fault| fault.line);
    faults.dedup_by_key(|fault| fault.line);
    faults
}

/// What other projects already use: the position of each id, and the keys.
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
    let own = fields.given();
    let project = Project {
        given: Given { own, ..Given::default() },
        project_id,
        project_key,
        name: fields.short_text("name", NAME_CHARS_MAX)?,
        platform: fields.word("platform", &platforms, Some(Platform::Web))?,
        active: fields.bool_or("active", true)?,
        sample_rate: fields.percent_or("sample_rate", 100)?,
        max_session_duration: fields.integer_or("max_session_duration", 1..=INT_MAX, SESSION_DURATION_MS)?,
        beacon_size: fields.integer_or("beacon_size", 0..=INT_MAX, 0)?,
        retain: retain(&mut fields)?,
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

/// A number of days, or the word for the server's own setting.
fn retain(fields: &mut Fields<'_, '_>) -> Result<Retain, Fault> {
    if fields.is_text("retain_days") {
        return fields.word("retain_days", &[("server", Retain::Server)], None);
    }
    Ok(fields.integer_if("retain_days", 0..=RETAIN_DAYS_MAX)?.map_or(Retain::Unsaid, Retain::Days))
}
