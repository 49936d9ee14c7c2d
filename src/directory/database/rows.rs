//! Rows of the database as a text in the form of `projects.toml`.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use tokio_postgres::SimpleQueryRow;

use super::super::{Directory, DirectoryError, FILE_BYTES_MAX, Given};
use super::statement::ROWS_MAX;

const HEADER: &str =
    "# The projects as Postgres last had them. takeup uses this copy while Postgres is down, and writes it anew.\n";
/// How often rows are left out and the rest is read again. Twice is usual: rows that refer to one left out go with it.
const ROUNDS_MAX: usize = 16;

/// A row that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Its table.
    pub table: &'static str,
    /// Its number.
    pub number: String,
    /// Why.
    pub fault: String,
}

/// A reading.
#[derive(Debug)]
pub struct Assembled {
    /// What it says.
    pub directory: Directory,
    /// The same as a text, from which [`Assembled::from_text`] makes it again.
    pub text: String,
    /// What is not in it.
    pub left_out: Vec<LeftOut>,
}

/// Which tables have any rows at all. A project without tags, in a table of tags that has some, has none for certain; a table that is
/// suddenly empty may have been emptied by mistake.
#[derive(Debug, Clone, Copy, Default)]
struct Present {
    tags: bool,
    conditions: bool,
    flags: bool,
    tests: bool,
}

impl Assembled {
    /// From a text that was kept.
    pub fn from_text(text: String) -> Result<Self, String> {
        let mut directory = Directory::parse(&text).map_err(|faults| {
            faults.first().map_or_else(String::new, |fault| format!("line {}: {}", fault.line, fault.text))
        })?;
        let any = |has: fn(&super::super::Project) -> bool| directory.projects.iter().any(has);
        let present = Present {
            tags: any(|project| !project.tags.is_empty()),
            conditions: any(|project| !project.conditions.is_empty()),
            flags: any(|project| !project.feature_flags.is_empty()),
            tests: any(|project| !project.ut_tests.is_empty()),
        };
        weigh(&mut directory, present);
        Ok(Self { directory, text, left_out: Vec::new() })
    }

    /// Equal for readings that say the same.
    pub fn fingerprint(&self) -> blake3::Hash {
        let present = self.directory.projects.first().map(|project| project.given);
        blake3::hash(format!("{present:?}\n{}", self.text).as_bytes())
    }
}

fn weigh(directory: &mut Directory, present: Present) {
    for project in &mut directory.projects {
        project.given = Given {
            own: 1,
            tags: usize::from(present.tags),
            conditions: usize::from(present.conditions),
            feature_flags: usize::from(present.flags),
            ut_tests: usize::from(present.tests),
        };
    }
}

/// One row of a table that projects refer to, with everything nested in it.
struct Entry {
    table: &'static str,
    number: String,
    text: String,
}

/// The rows of [`super::statement::read`] as a directory. Rows that can't be used are left out.
pub fn assemble(rows: &[SimpleQueryRow]) -> Result<Assembled, DirectoryError> {
    let rows: Vec<Cells<'_>> = rows.iter().map(Cells).collect();
    let (entries, present) = entries(&rows)?;
    let mut left_out: BTreeSet<usize> = BTreeSet::new();
    let mut faults = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let (text, lines) = joined(&entries, &left_out);
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(DirectoryError::TooMuch);
        }
        let found = match Directory::parse(&text) {
            Ok(mut directory) => {
                weigh(&mut directory, present);
                return Ok(Assembled { directory, text, left_out: faults });
            }
            Err(found) => found,
        };
        let before = left_out.len();
        for fault in found {
            let at = lines.partition_point(|&(line, _)| line <= fault.line).checked_sub(1);
            if let Some(&(_, entry)) = at.and_then(|at| lines.get(at))
                && left_out.insert(entry)
            {
                let Entry { table, number, .. } = &entries[entry];
                faults.push(LeftOut { table, number: number.clone(), fault: fault.text });
            }
        }
        if left_out.len() == before {
            break;
        }
    }
    Err(DirectoryError::TooMuch)
}

/// All entries that are used, and the line at which each begins.
fn joined(entries: &[Entry], left_out: &BTreeSet<usize>) -> (String, Vec<(usize, usize)>) {
    let mut text = HEADER.to_owned();
    let mut line = 1 + HEADER.matches('\n').count();
    let mut lines = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate().filter(|(at, _)| !left_out.contains(at)) {
        lines.push((line, at));
        line += entry.text.bytes().filter(|&byte| byte == b'\n').count();
        text += &entry.text;
    }
    // A list with both its brackets, which cannot be a text that was cut.
    if lines.is_empty() {
        text += "projects = []\n";
    }
    (text, lines)
}

/// The columns of one row; the first is its table's letter.
#[derive(Clone, Copy)]
struct Cells<'r>(&'r SimpleQueryRow);

impl<'r> Cells<'r> {
    fn get(&self, at: usize) -> Option<&'r str> {
        self.0.try_get(at).ok().flatten()
    }

    fn text(&self, at: usize) -> &'r str {
        self.get(at).unwrap_or_default()
    }

    /// A number that the parser checks.
    fn number(&self, at: usize) -> String {
        let text = self.text(at);
        if text.parse::<i64>().is_ok() { text.to_owned() } else { "-1".to_owned() }
    }

    /// A number that is brought within its bounds.
    fn within(&self, at: usize, least: i64, most: i64, otherwise: i64) -> i64 {
        self.get(at).and_then(|text| text.parse::<f64>().ok()).map_or(otherwise, |number| {
            // `as` saturates.
            (number as i64).clamp(least, most)
        })
    }

    fn truth(&self, at: usize) -> bool {
        matches!(self.text(at), "true" | "t")
    }
}

const INT_MAX: i64 = i32::MAX as i64;
/// OpenReplay's default.
const DURATION_MS: i64 = 7_200_000;

fn entries(rows: &[Cells<'_>]) -> Result<(Vec<Entry>, Present), DirectoryError> {
    let mut present = Present::default();
    // What is nested in a flag or a test, by its number.
    let (mut of_flags, mut of_tests): (HashMap<&str, String>, HashMap<&str, String>) = Default::default();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for row in rows {
        let letter = row.text(0);
        let count = counts.entry(letter).or_default();
        *count += 1;
        if *count > ROWS_MAX {
            return Err(DirectoryError::TooMuch);
        }
        let mut text = Text::default();
        match letter {
            "e" => {
                present =
                    Present { tags: row.truth(1), conditions: row.truth(2), flags: row.truth(3), tests: row.truth(4) };
            }
            "g" => {
                text.line("[[feature_flags.conditions]]");
                text.string("name", row.get(2));
                text.raw("rollout_percentage", row.within(3, 0, 100, 100));
                text.string("filters", row.get(4).filter(|filters| *filters != "null"));
                of_flags.entry(row.text(1)).or_default().push_str(&text.0);
            }
            "v" => {
                text.line("[[feature_flags.variants]]");
                text.string("value", row.get(2));
                text.string("payload", row.get(3));
                text.raw("rollout_percentage", row.within(4, 0, 100, 0));
                of_flags.entry(row.text(1)).or_default().push_str(&text.0);
            }
            "k" => {
                text.line("[[ut_tests.tasks]]");
                text.raw("task_id", row.number(2));
                text.string("title", row.get(3));
                text.string("description", row.get(4));
                text.raw("allow_typing", row.truth(5));
                of_tests.entry(row.text(1)).or_default().push_str(&text.0);
            }
            _ => {}
        }
    }
    Ok((rows.iter().filter_map(|row| entry(row, &of_flags, &of_tests)).collect(), present))
}

fn entry(row: &Cells<'_>, of_flags: &HashMap<&str, String>, of_tests: &HashMap<&str, String>) -> Option<Entry> {
    let mut text = Text::default();
    let table = match row.text(0) {
        "p" => {
            text.line("[[projects]]");
            text.raw("project_id", row.number(1));
            text.string("project_key", row.get(2));
            text.string("name", row.get(3));
            text.string("platform", row.get(4));
            text.raw("active", row.truth(5));
            text.raw("sample_rate", row.within(6, 0, 100, 100));
            text.raw("max_session_duration", row.within(7, 1, INT_MAX, DURATION_MS));
            text.raw("beacon_size", row.within(8, 0, INT_MAX, 0));
            text.raw("save_request_payloads", row.truth(9));
            "projects"
        }
        "t" => {
            text.line("[[tags]]");
            text.raw("tag_id", row.number(1));
            text.raw("project_id", row.number(2));
            text.string("name", row.get(3));
            text.string("selector", row.get(4));
            text.raw("ignore_click_rage", row.truth(5));
            text.raw("ignore_dead_click", row.truth(6));
            text.string("location", row.get(7));
            "tags"
        }
        "c" => {
            text.line("[[conditions]]");
            if row.get(1).is_some() {
                text.raw("condition_id", row.number(1));
            }
            text.raw("project_id", row.number(2));
            text.string("name", row.get(3));
            text.raw("capture_rate", row.within(4, 0, 100, 100));
            text.string("filters", row.get(5).filter(|filters| *filters != "null"));
            "projects_conditions"
        }
        "f" => {
            text.line("[[feature_flags]]");
            text.raw("feature_flag_id", row.number(1));
            text.raw("project_id", row.number(2));
            text.string("flag_key", row.get(3));
            text.string("flag_type", row.get(4));
            text.raw("is_persist", row.truth(5));
            text.string("payload", row.get(6));
            text.0 += of_flags.get(row.text(1)).map_or("", String::as_str);
            "feature_flags"
        }
        "u" => {
            text.line("[[ut_tests]]");
            text.raw("test_id", row.number(1));
            text.raw("project_id", row.number(2));
            text.string("title", row.get(3));
            text.string("starting_path", row.get(4));
            // A test without a status can't be taken.
            text.string("status", row.get(5).or(Some("none")));
            text.raw("require_mic", row.truth(6));
            text.raw("require_camera", row.truth(7));
            text.string("description", row.get(8));
            text.string("guidelines", row.get(9));
            text.string("conclusion_message", row.get(10));
            text.raw("visibility", row.truth(11));
            text.0 += of_tests.get(row.text(1)).map_or("", String::as_str);
            "ut_tests"
        }
        _ => return None,
    };
    Some(Entry { table, number: row.text(1).to_owned(), text: text.0 })
}

/// Lines of TOML.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.0, "{line}");
    }

    fn raw(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    /// A text; nothing for none.
    fn string(&mut self, key: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        let _ = write!(self.0, "{key} = \"");
        for character in value.chars() {
            let _ = match character {
                '"' => self.0.write_str("\\\""),
                '\\' => self.0.write_str("\\\\"),
                control if control.is_control() => write!(self.0, "\\u{:04X}", u32::from(control)),
                other => self.0.write_char(other),
            };
        }
        self.0.push_str("\"\n");
    }
}
