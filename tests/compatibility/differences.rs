//! `docs/differences.md` is written from `tests/golden/differences.toml`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// How many cases of an entry the page names.
const NAMED_MAX: usize = 3;

/// Set to write the page instead of comparing it.
const WRITE: &str = "TAKEUP_WRITE_DOCS";

#[derive(Deserialize)]
struct Entry {
    cases: Vec<String>,
    why: String,
}

#[derive(Default, Deserialize)]
struct Section {
    #[serde(default)]
    difference: Vec<Entry>,
    #[serde(default)]
    change: Vec<Entry>,
}

/// Compares the page with the table.
pub fn hold_page_to_table() {
    let path = root().join("docs/differences.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let (intro, _) = page.split_once("\n## ").expect("the page has sections");
    let wanted = format!("{intro}{}", sections());
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &wanted).expect("the page can be written");
    } else {
        assert!(page == wanted, "docs/differences.md is not what the table says: run this test with {WRITE}=1 set");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The page after its introduction: a section for each `# --- … ---` of the table.
fn sections() -> String {
    let table = fs::read_to_string(root().join("tests/golden/differences.toml")).expect("the table is there");
    let mut text = String::new();
    for chunk in table.split("\n# --- ").skip(1) {
        let (title, entries) = chunk.split_once(" ---\n").expect("a title ends as it begins");
        let section: Section = toml::from_str(entries).unwrap_or_else(|error| panic!("{title}: {error}"));
        write!(text, "\n## {title}\n\n").expect("a text takes text");
        for entry in merged(section.difference.into_iter().chain(section.change)) {
            writeln!(text, "- {}\n  ({})", entry.why, named(&entry.cases)).expect("a text takes text");
        }
    }
    text
}

/// Entries in order, those of the same reason as one.
fn merged(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut merged: Vec<Entry> = Vec::new();
    for entry in entries {
        match merged.iter_mut().find(|known| known.why == entry.why && entry.why != "As above.") {
            Some(known) => known.cases.extend(entry.cases),
            None => merged.push(entry),
        }
    }
    merged
}

fn named(cases: &[String]) -> String {
    let names: Vec<String> = cases.iter().take(NAMED_MAX).map(|case| format!("`{case}`")).collect();
    match cases.len().saturating_sub(NAMED_MAX) {
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}
