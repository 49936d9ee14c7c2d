//! The table of deliberate differences from OpenReplay, and its rules: a difference that is not
//! in it fails, and so does an entry that is no longer true.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// In the table: a value that differs from one run to the next.
const VARIES: &str = "(varies)";
/// In the table: nothing there.
pub const NOTHING: &str = "(none)";

/// One place where takeup's answer is not the recorded one.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Where, such as `status`, `headers.Allow`, `queue[0].topic`.
    pub path: String,
    /// What OpenReplay answered.
    pub recorded: Value,
    /// What takeup answered.
    pub given: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Names of cases; `*` stands for any text.
    cases: Vec<String>,
    /// The reason, in words.
    why: String,
    /// Each path that differs, and what takeup gives there.
    now: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    difference: Vec<Entry>,
}

/// The table, with a note of what was found true.
pub struct Differences {
    entries: Vec<Entry>,
}

impl Differences {
    /// Reads `differences.toml`.
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/differences.toml");
        let text = fs::read_to_string(path).expect("the table is there");
        let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("differences.toml: {e}"));
        for entry in &file.difference {
            assert!(!entry.why.trim().is_empty(), "a reason for {:?}", entry.cases);
            assert!(!entry.now.is_empty(), "a difference for {:?}", entry.cases);
        }
        Self { entries: file.difference }
    }

    /// Complaints about a case: what differs and is not in the table, and what is in the table
    /// and does not differ so.
    pub fn judge(&self, case: &str, mismatches: &[Mismatch]) -> Vec<String> {
        let mut expected: BTreeMap<&str, &Value> = BTreeMap::new();
        let mut complaints = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.names(case)) {
            for (path, value) in &entry.now {
                if expected.insert(path, value).is_some() {
                    complaints.push(format!("{path}: in the table of differences more than once"));
                }
            }
        }
        for Mismatch { path, recorded, given } in mismatches {
            match expected.remove(path.as_str()) {
                Some(value) if value == given || value == VARIES => {}
                Some(value) => {
                    complaints.push(format!("{path}: {given}, and not {value} as in the table of differences"))
                }
                None => complaints.push(format!("{path}: {given}, recorded {recorded}")),
            }
        }
        let idle = expected.keys();
        complaints.extend(idle.map(|path| format!("{path}: as recorded, though the table of differences denies it")));
        complaints
    }

    /// Names in the table that no case has.
    pub fn names_without_case<'a>(&'a self, cases: &[&str]) -> Vec<&'a str> {
        let names = self.entries.iter().flat_map(|entry| &entry.cases);
        names.filter(|name| !cases.iter().any(|case| fits(name, case))).map(String::as_str).collect()
    }
}

impl Entry {
    fn names(&self, case: &str) -> bool {
        self.cases.iter().any(|name| fits(name, case))
    }
}

/// Whether `name` is `pattern`, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| fits(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Differences {
        let text = r#"
            [[difference]]
            cases = ["main:i/*"]
            why = "a reason"
            now = { status = 200, "headers.Allow" = "(varies)" }
        "#;
        Differences { entries: toml::from_str::<File>(text).expect("a valid table").difference }
    }

    fn mismatch(path: &str, given: Value) -> Mismatch {
        Mismatch { path: path.to_owned(), recorded: json!(500), given }
    }

    #[test]
    fn a_difference_in_the_table_is_no_complaint() {
        let found = [mismatch("status", json!(200)), mismatch("headers.Allow", json!("POST"))];
        assert_eq!(table().judge("main:i/empty", &found), [""; 0]);
    }

    #[test]
    fn a_difference_outside_the_table_is_a_complaint() {
        assert_eq!(table().judge("main:start/x", &[mismatch("status", json!(200))]).len(), 1);
        let found = [mismatch("status", json!(201)), mismatch("headers.Allow", json!("POST"))];
        assert_eq!(table().judge("main:i/empty", &found).len(), 1);
    }

    #[test]
    fn an_entry_that_no_longer_differs_is_a_complaint() {
        assert_eq!(table().judge("main:i/empty", &[mismatch("status", json!(200))]).len(), 1);
        assert_eq!(table().names_without_case(&["main:start/x"]), ["main:i/*"]);
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("a*c", "abc") && fits("a*c", "ac") && fits("*", "") && fits("a*b*", "a-b-"));
        assert!(!fits("a*c", "abd") && !fits("a", "ab") && !fits("[a]*", "a"));
    }
}
