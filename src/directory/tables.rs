//! The tables that belong to projects: tags, conditions, feature flags, usability tests.
//!
//! A row without a number gets the next one of its table, as from a `serial` column. Every count and every length has a limit, so that no
//! answer built from a table takes long to build or to send.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::bounds::{INT_MAX, NAME_CHARS_MAX};
use super::fields::{Fault, Fields};
use super::model::{Condition, FeatureFlag, Filter, FlagCondition, FlagKind, Project, Tag, Test, TestTask, Variant};

/// The most tags of a project; likewise conditions, feature flags and usability tests.
pub const ENTRIES_MAX: usize = 1_000;
/// The most text in a project's rows of one table, in bytes: an answer may contain all of it.
pub const ROWS_BYTES_MAX: usize = 1024 * 1024;
/// The most values in the filters of a project's feature flags, all together: a request for flags checks each of them.
pub const FLAG_VALUES_MAX: usize = 20_000;
/// The most conditions, variants, tasks or filters of one entry.
const PARTS_MAX: usize = 100;
/// The longest text of any other field, in characters.
const TEXT_CHARS_MAX: usize = 10_000;
/// The longest payload, in bytes of JSON.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// The longest filters of a condition, in bytes of JSON.
const FILTERS_BYTES_MAX: usize = 16 * 1024;

/// Reads all tables. `places` has each project's position in `projects`.
pub(super) fn read(
    fields: &mut Fields<'_, '_>,
    places: &HashMap<u32, usize>,
    projects: &mut [Project],
) -> Result<(), Fault> {
    let mut owners = Owners { places, projects };
    let mut tags = Numbers::of("tag_id", "tag");
    owners.rows(fields, |fields, _| tag(fields, &mut tags))?;
    let mut conditions = Numbers::of("condition_id", "condition");
    owners.rows(fields, |fields, others| condition(fields, others, &mut conditions))?;
    let mut flags = Numbers::of("feature_flag_id", "feature flag");
    owners.rows(fields, |fields, others| feature_flag(fields, others, &mut flags))?;
    let (mut tests, mut tasks) = (Numbers::of("test_id", "test"), Numbers::of("task_id", "task"));
    owners.rows(fields, |fields, _| test(fields, &mut tests, &mut tasks))
}

/// A row that belongs to a project.
trait Row: Sized {
    /// The name of its table.
    const TABLE: &'static str;

    /// A project's rows of this kind.
    fn list(project: &mut Project) -> &mut Vec<Self>;

    /// The number of values that the file gives for all of them.
    fn given(project: &mut Project) -> &mut usize;

    /// Bytes of its text that clients are sent.
    fn text_bytes(&self) -> usize;
}

macro_rules! row {
    ($type:ty, $field:ident, $text_bytes:expr) => {
        impl Row for $type {
            const TABLE: &'static str = stringify!($field);

            fn list(project: &mut Project) -> &mut Vec<Self> {
                &mut project.$field
            }

            fn given(project: &mut Project) -> &mut usize {
                &mut project.given.$field
            }

            fn text_bytes(&self) -> usize {
                let text_bytes: fn(&Self) -> usize = $text_bytes;
                text_bytes(self)
            }
        }
    };
}

row!(Tag, tags, |tag| tag.selector.len() + tag.location.as_ref().map_or(0, String::len));
row!(Condition, conditions, |condition| condition.name.len() + condition.filters.len());
row!(FeatureFlag, feature_flags, |flag| {
    let payload = |payload: &Option<String>| payload.as_ref().map_or(0, String::len);
    let variants = flag.variants.iter().map(|variant| variant.value.len() + payload(&variant.payload));
    flag.flag_key.len() + payload(&flag.payload) + variants.sum::<usize>()
});
row!(Test, ut_tests, |test| {
    let texts = [&test.title, &test.starting_path, &test.description, &test.guidelines, &test.conclusion_message];
    let tasks = test.tasks.iter().map(|task| task.title.len() + task.description.len());
    texts.iter().map(|text| text.len()).sum::<usize>() + tasks.sum::<usize>()
});

/// The projects that rows belong to.
struct Owners<'p> {
    places: &'p HashMap<u32, usize>,
    projects: &'p mut [Project],
}

impl Owners<'_> {
    /// Reads one table and adds each row to its project. `read` is given the rows that the project already has.
    fn rows<'t, 'i, T: Row>(
        &mut self,
        fields: &mut Fields<'t, 'i>,
        mut read: impl FnMut(&mut Fields<'t, 'i>, &[T]) -> Result<T, Fault>,
    ) -> Result<(), Fault> {
        let mut text_bytes: HashMap<u32, usize> = HashMap::new();
        fields.tables(T::TABLE, |mut fields| {
            let id = fields.integer("project_id", 1..=INT_MAX)?;
            let unknown = || fields.fault_of("project_id", format!("there is no project {id} in this file"));
            let &place = self.places.get(&id).ok_or_else(unknown)?;
            // A project with a fault is missing here, but the file is refused for that fault anyway.
            let mut nowhere = Vec::new();
            let list = self.projects.get_mut(place).map_or(&mut nowhere, T::list);
            if list.len() == ENTRIES_MAX {
                return Err(fields.fault(format!("project {id} has more than {ENTRIES_MAX} entries in `{}`", T::TABLE)));
            }
            let row = read(&mut fields, list)?;
            let bytes = text_bytes.entry(id).or_default();
            *bytes += row.text_bytes();
            if *bytes > ROWS_BYTES_MAX {
                let text = format!(
                    "the entries of project {id} in `{}` have more than {ROWS_BYTES_MAX} bytes of text",
                    T::TABLE
                );
                return Err(fields.fault(text));
            }
            let given = fields.given();
            fields.finish()?;
            list.push(row);
            if let Some(project) = self.projects.get_mut(place) {
                *T::given(project) += given;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// The numbers of a table's rows, each of which must be unique.
struct Numbers {
    key: &'static str,
    what: &'static str,
    taken: HashSet<u32>,
    largest: u32,
}

impl Numbers {
    fn of(key: &'static str, what: &'static str) -> Self {
        Self { key, what, taken: HashSet::new(), largest: 0 }
    }

    /// The number given in the row, or the next one.
    fn take(&mut self, fields: &mut Fields<'_, '_>) -> Result<u32, Fault> {
        let number = match fields.integer_if(self.key, 0..=INT_MAX)? {
            Some(number) => number,
            None if self.largest < INT_MAX => self.largest + 1,
            None => return Err(fields.fault(format!("`{}` is missing, and no number is left", self.key))),
        };
        if !self.taken.insert(number) {
            let text = format!("there is another {} {number}; give each its own `{}`", self.what, self.key);
            return Err(fields.fault_of(self.key, text));
        }
        self.largest = self.largest.max(number);
        Ok(number)
    }
}

/// Reads all fields of a nested entry.
fn whole<'t, 'i, T>(
    mut fields: Fields<'t, 'i>,
    read: impl FnOnce(&mut Fields<'t, 'i>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let entry = read(&mut fields)?;
    fields.finish()?;
    Ok(entry)
}

fn tag(fields: &mut Fields<'_, '_>, numbers: &mut Numbers) -> Result<Tag, Fault> {
    Ok(Tag {
        tag_id: numbers.take(fields)?,
        name: fields.short_text("name", NAME_CHARS_MAX)?,
        selector: fields.name("selector", TEXT_CHARS_MAX)?,
        ignore_click_rage: fields.bool_or("ignore_click_rage", false)?,
        ignore_dead_click: fields.bool_or("ignore_dead_click", false)?,
        location: fields.short_text_if("location", TEXT_CHARS_MAX)?,
        deleted_at: fields.date_if("deleted_at")?,
    })
}

fn condition(fields: &mut Fields<'_, '_>, others: &[Condition], numbers: &mut Numbers) -> Result<Condition, Fault> {
    let condition_id = numbers.take(fields)?;
    let name = fields.name("name", NAME_CHARS_MAX)?;
    if others.iter().any(|other| other.name == name) {
        let text = format!("the project has a condition \"{name}\" already; starts refer to it by its name");
        return Err(fields.fault_of("name", text));
    }
    let capture_rate = fields.percent_or("capture_rate", 100)?;
    let filters = fields.json_if("filters", FILTERS_BYTES_MAX)?.unwrap_or_else(|| "[]".to_owned());
    match serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(&filters) {
        Ok(list) if list.len() <= PARTS_MAX => Ok(Condition { condition_id, name, capture_rate, filters }),
        Ok(_) => Err(fields.fault_of("filters", format!("more than {PARTS_MAX} entries in `filters`"))),
        Err(_) => Err(fields.fault_of("filters", "`filters` must be a list of tables, or JSON text of one")),
    }
}

fn feature_flag(
    fields: &mut Fields<'_, '_>,
    others: &[FeatureFlag],
    numbers: &mut Numbers,
) -> Result<FeatureFlag, Fault> {
    let kinds = [("single", FlagKind::Single), ("multi", FlagKind::Multi)];
    let flag = FeatureFlag {
        feature_flag_id: numbers.take(fields)?,
        flag_key: fields.name("flag_key", NAME_CHARS_MAX)?,
        flag_type: fields.word("flag_type", &kinds, Some(FlagKind::Single))?,
        is_persist: fields.bool_or("is_persist", false)?,
        is_active: fields.bool_or("is_active", true)?,
        payload: fields.json_if("payload", PAYLOAD_BYTES_MAX)?,
        conditions: fields.few_tables("conditions", PARTS_MAX, |fields| {
            whole(fields, |fields| {
                Ok(FlagCondition {
                    name: fields.short_text("name", NAME_CHARS_MAX)?,
                    rollout_percentage: fields.percent_or("rollout_percentage", 100)?,
                    filters: filters(fields)?,
                })
            })
        })?,
        variants: fields.few_tables("variants", PARTS_MAX, |fields| {
            whole(fields, |fields| {
                Ok(Variant {
                    value: fields.name("value", NAME_CHARS_MAX)?,
                    payload: fields.json_if("payload", PAYLOAD_BYTES_MAX)?,
                    rollout_percentage: fields.percent_or("rollout_percentage", 100)?,
                })
            })
        })?,
    };
    if others.iter().any(|other| other.flag_key == flag.flag_key) {
        let text = format!("the project has a feature flag \"{}\" already", flag.flag_key);
        return Err(fields.fault_of("flag_key", text));
    }
    let values: usize = others.iter().map(values_of).sum::<usize>() + values_of(&flag);
    if values > FLAG_VALUES_MAX {
        let text = format!("the filters of the project's feature flags have more than {FLAG_VALUES_MAX} values");
        return Err(fields.fault_of("conditions", text));
    }
    Ok(flag)
}

fn values_of(flag: &FeatureFlag) -> usize {
    flag.conditions.iter().flat_map(|condition| &condition.filters).map(|filter| filter.value.len()).sum()
}

/// A feature flag's filter in JSON text. OpenReplay's filters have further fields, which have no meaning here.
#[derive(Deserialize)]
struct JsonFilter {
    #[serde(rename = "type")]
    kind: String,
    operator: String,
    value: Option<Vec<String>>,
    source: Option<String>,
}

/// The filters of a flag's condition: a list of tables, or a JSON array as text.
fn filters(fields: &mut Fields<'_, '_>) -> Result<Vec<Filter>, Fault> {
    if !fields.is_text("filters") {
        return fields.few_tables("filters", PARTS_MAX, |mut fields| {
            Ok(Filter {
                kind: fields.name("type", NAME_CHARS_MAX)?,
                operator: fields.name("operator", NAME_CHARS_MAX)?,
                value: fields.texts("value")?,
                source: fields.short_text_if("source", NAME_CHARS_MAX)?,
            })
        });
    }
    let text = fields.text("filters")?;
    let list: Vec<JsonFilter> = serde_json::from_str(&text)
        .map_err(|error| fields.fault_of("filters", format!("`filters` is no list of filters: {error}")))?;
    if list.len() > PARTS_MAX {
        return Err(fields.fault_of("filters", format!("more than {PARTS_MAX} entries in `filters`")));
    }
    let filter = |JsonFilter { kind, operator, value, source }| Filter {
        kind,
        operator,
        value: value.unwrap_or_default(),
        source,
    };
    Ok(list.into_iter().map(filter).collect())
}

fn test(fields: &mut Fields<'_, '_>, numbers: &mut Numbers, task_numbers: &mut Numbers) -> Result<Test, Fault> {
    Ok(Test {
        test_id: numbers.take(fields)?,
        title: fields.name("title", NAME_CHARS_MAX)?,
        starting_path: fields.short_text("starting_path", TEXT_CHARS_MAX)?,
        status: fields.short_text_if("status", NAME_CHARS_MAX)?.unwrap_or_else(|| "preview".to_owned()),
        require_mic: fields.bool_or("require_mic", false)?,
        require_camera: fields.bool_or("require_camera", false)?,
        description: fields.short_text("description", TEXT_CHARS_MAX)?,
        guidelines: fields.short_text("guidelines", TEXT_CHARS_MAX)?,
        conclusion_message: fields.short_text("conclusion_message", TEXT_CHARS_MAX)?,
        visibility: fields.bool_or("visibility", true)?,
        tasks: fields.few_tables("tasks", PARTS_MAX, |fields| {
            whole(fields, |fields| {
                Ok(TestTask {
                    task_id: task_numbers.take(fields)?,
                    title: fields.name("title", NAME_CHARS_MAX)?,
                    description: fields.short_text("description", TEXT_CHARS_MAX)?,
                    allow_typing: fields.bool_or("allow_typing", false)?,
                })
            })
        })?,
    })
}
