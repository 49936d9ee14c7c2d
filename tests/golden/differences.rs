//! The table of deliberate differences from OpenReplay, and its rules: a difference that is not
//! in it fails, and so does an entry that is no longer true.
//!
//! Where the two releases differ, the later one counts. A case of SEED that MAIN was asked as well is
//! therefore compared with both: what is not as in SEED has to be as in MAIN, and a change of the
//! table has to name it; or it is what the table says of MAIN's case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::Value;

/// In the table: a value that differs from one run to the next.
const VARIES: &str = "(varies)";
/// In the table: nothing there.
pub const NOTHING: &str = "(none)";

/// One place where takeup's answer differs from the recorded one.
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

/// What OpenReplay itself changed from SEED to MAIN.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Names of cases without their source; `*` stands for any text.
    cases: Vec<String>,
    /// The paths that differ in MAIN; `*` stands for any text.
    paths: Vec<String>,
    /// The reason, in words.
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    difference: Vec<Entry>,
    change: Vec<Change>,
}

/// The table, with a note of the entries that were needed.
pub struct Differences {
    entries: Vec<Entry>,
    changes: Vec<Change>,
    /// Which patterns of which changes were needed: the change's place, then the text.
    needed: Mutex<BTreeSet<(usize, String)>>,
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
        for change in &file.change {
            assert!(!change.why.trim().is_empty(), "a reason for {:?}", change.cases);
        }
        Self { entries: file.difference, changes: file.change, needed: Mutex::default() }
    }

    /// Complaints about a case: what differs and is not in the table, and what is in the table
    /// and does not differ in this way.
    pub fn judge(&self, case: &str, mismatches: &[Mismatch]) -> Vec<String> {
        self.judge_both(case, mismatches, None)
    }

    /// The same of a case of SEED; `later` are the differences from what MAIN answered.
    pub fn judge_with_later(&self, what: &str, mismatches: &[Mismatch], later: &[Mismatch]) -> Vec<String> {
        self.judge_both(&format!("seed:{what}"), mismatches, Some((what, later)))
    }

    fn judge_both(&self, case: &str, mismatches: &[Mismatch], later: Option<(&str, &[Mismatch])>) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut expected = self.expected(case, &mut complaints);
        for mismatch @ Mismatch { path, recorded, given } in mismatches {
            match expected.remove(path.as_str()) {
                Some(value) if value == given || value == VARIES => {}
                Some(value) => {
                    complaints.push(format!("{path}: {given}, and not {value} as in the table of differences"))
                }
                None if later.is_some_and(|(what, later)| self.is_later(what, mismatch, later)) => {}
                None => complaints.push(format!("{path}: {given}, recorded {recorded}")),
            }
        }
        let idle = expected.keys();
        complaints.extend(idle.map(|path| format!("{path}: as recorded, though the table of differences denies it")));
        complaints
    }

    /// What the table says of a case, by path.
    fn expected(&self, case: &str, complaints: &mut Vec<String>) -> BTreeMap<&str, &Value> {
        let mut expected: BTreeMap<&str, &Value> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.names(case)) {
            for (path, value) in &entry.now {
                if expected.insert(path, value).is_some() {
                    complaints.push(format!("{path}: in the table of differences more than once"));
                }
            }
        }
        expected
    }

    /// Whether what differs from SEED is as in MAIN and named by a change, or is what the table says of MAIN's case.
    fn is_later(&self, what: &str, mismatch: &Mismatch, later: &[Mismatch]) -> bool {
        let path = mismatch.path.as_str();
        let same = later.iter().find(|m| m.path == path && m.given == mismatch.given);
        if let Some(same) = same {
            let main = format!("main:{what}");
            let value = self.expected(&main, &mut Vec::new()).get(path).copied();
            return value.is_some_and(|value| *value == same.given || value == VARIES);
        }
        if later.iter().any(|m| overlap(&m.path, path)) {
            return false;
        }
        let mut is_named = false;
        for (i, change) in self.changes.iter().enumerate() {
            let cases = change.cases.iter().filter(|case| fits(case, what));
            let paths = change.paths.iter().filter(|pattern| fits(pattern, path));
            let found: Vec<&String> = cases.clone().chain(paths.clone()).collect();
            if cases.count() > 0 && paths.count() > 0 {
                is_named = true;
                let mut needed = self.needed.lock().expect("no thread panicked with the lock");
                needed.extend(found.into_iter().map(|text| (i, text.clone())));
            }
        }
        is_named
    }

    /// Cases and paths of changes that no case needed.
    pub fn idle_changes(&self) -> Vec<String> {
        let needed = self.needed.lock().expect("no thread panicked with the lock");
        let all = self
            .changes
            .iter()
            .enumerate()
            .flat_map(|(i, change)| change.cases.iter().chain(&change.paths).map(move |text| (i, text.clone())));
        let idle = all.filter(|one| !needed.contains(one));
        idle.map(|(i, text)| format!("change {}, {:?}: no case needs {text:?}", i + 1, self.changes[i].why)).collect()
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

/// Whether a difference at one path may hide or cause one at the other.
fn overlap(one: &str, other: &str) -> bool {
    let whole = |path: &str| if path == "queue.length" { "queue".to_owned() } else { path.to_owned() };
    let (one, other) = (whole(one), whole(other));
    one.starts_with(&other) || other.starts_with(&one)
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

            [[change]]
            cases = ["start/*", "tags/*"]
            paths = ["headers.Content-Type"]
            why = "a change"
        "#;
        let file = toml::from_str::<File>(text).expect("a valid table");
        Differences { entries: file.difference, changes: file.change, needed: Mutex::default() }
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
    fn a_change_between_the_releases_counts_where_the_later_one_is_met() {
        let (table, json) = (table(), mismatch("headers.Content-Type", json!("application/json")));
        let status = mismatch("status", json!(200));
        assert_eq!(table.judge_with_later("start/x", std::slice::from_ref(&json), &[]), [""; 0]);
        assert_eq!(table.idle_changes().len(), 1, "tags/* was not needed");
        // Not as in MAIN either; named by no change; and what the table says of MAIN's case.
        assert_eq!(
            table.judge_with_later("start/x", std::slice::from_ref(&json), std::slice::from_ref(&json)).len(),
            1
        );
        assert_eq!(table.judge_with_later("start/x", std::slice::from_ref(&status), &[]).len(), 1);
        assert_eq!(
            table.judge_with_later("i/x", std::slice::from_ref(&status), std::slice::from_ref(&status)),
            [""; 0]
        );
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("a*c", "abc") && fits("a*c", "ac") && fits("*", "") && fits("a*b*", "a-b-"));
        assert!(!fits("a*c", "abd") && !fits("a", "ab") && !fits("[a]*", "a"));
    }
}
