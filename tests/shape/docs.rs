//! Holds the documents to the code: links lead somewhere, and what `docs/architecture.md` says of folders, threads and tests is so.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and writes a page of the repository when it is asked to"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{MAY_IMPORT, root, sources};

const ARCHITECTURE: &str = "docs/architecture.md";

/// With this variable set, the test writes what each folder may import into the page.
const WRITE: &str = "TAKEUP_WRITE_DOCS";

/// Path relative to the repository, and text, of every page that people read.
fn pages() -> BTreeMap<String, String> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    let mut paths: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].iter().map(|name| root().join(name)).collect();
    below(&root().join("docs"), &mut paths);
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap())).collect()
}

/// The lines of a page that are not code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// What stands in backticks in a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| anchor(line.trim_start_matches('#'))).collect()
}

/// The file that a link of a page leads to, relative to the repository.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_exist() {
    let pages = pages();
    let mut faults = Vec::new();
    let mut linked = BTreeSet::from(["README.md".to_owned()]);
    for (page, text) in &pages {
        for (number, line) in prose(text) {
            for target in links(line).filter(|target| !target.contains("://")) {
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let file = if file.is_empty() { page.clone() } else { resolve(page, file) };
                if !root().join(&file).exists() {
                    faults.push(format!("{page}:{number}: there is no {file}"));
                } else if !heading.is_empty() && !pages.get(&file).is_some_and(|text| anchors(text).contains(heading)) {
                    faults.push(format!("{page}:{number}: {file} has no heading {heading}"));
                }
                linked.insert(file);
            }
        }
    }
    faults
        .extend(pages.keys().filter(|page| !linked.contains(*page)).map(|page| format!("{page}: no page links to it")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_page_has_one_title() {
    let titles = |text: &str| prose(text).filter(|(_, line)| line.starts_with("# ")).count();
    let faults: Vec<_> = pages().into_iter().filter(|(_, text)| titles(text) != 1).map(|(page, _)| page).collect();
    assert!(faults.is_empty(), "none or several lines that begin with `# `: {faults:?}");
}

#[test]
fn every_page_that_the_code_names_exists() {
    let mut faults = Vec::new();
    for (path, text) in sources(&["src", "tests", "benches", "build"]) {
        for (number, line) in text.lines().enumerate() {
            for quoted in quoted(line).filter(|quoted| quoted.starts_with("docs/") && quoted.ends_with(".md")) {
                if !root().join(quoted).exists() {
                    faults.push(format!("{path}:{}: there is no {quoted}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_that_the_pages_name_exists() {
    let is_path = |quoted: &&str| {
        ["src/", "tests/", "scripts/", "docs/"].iter().any(|folder| quoted.starts_with(folder))
            && quoted.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    };
    let mut faults = Vec::new();
    for (page, text) in pages() {
        for (number, line) in prose(&text) {
            let gone = quoted(line).filter(is_path).filter(|path| !root().join(path).exists());
            faults.extend(gone.map(|path| format!("{page}:{number}: there is no {path}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The rows of the table of `docs/architecture.md` below a heading: cells, without the head of the table.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(ARCHITECTURE)).unwrap();
    let section = text.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

#[test]
fn the_table_of_folders_says_what_each_may_import() {
    let path = root().join(ARCHITECTURE);
    let page = fs::read_to_string(&path).unwrap();
    let mut missing: BTreeSet<&str> = MAY_IMPORT.iter().map(|(folder, _)| *folder).collect();
    let mut right = String::new();
    for line in page.lines() {
        let folder = line.strip_prefix("| `").and_then(|row| row.split_once("/` | "));
        match folder.and_then(|(folder, rest)| Some((MAY_IMPORT.iter().find(|(name, _)| *name == folder)?, rest))) {
            Some(((folder, others), rest)) if missing.remove(folder) => {
                let mut others = others.to_vec();
                others.sort_unstable();
                let others = others.join(" ");
                let holds = rest.split(" | ").next().unwrap();
                let cell = if others.is_empty() { String::new() } else { format!(" `{others}`") };
                right += &format!("| `{folder}/` | {holds} |{cell} |\n");
            }
            _ => right += &format!("{line}\n"),
        }
    }
    assert!(missing.is_empty(), "{ARCHITECTURE}: the table of folders has no row for {missing:?}");
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &right).unwrap();
        return;
    }
    let stale: Vec<_> = right.lines().filter(|line| !page.lines().any(|old| old == *line)).collect();
    assert!(page == right, "{ARCHITECTURE} lacks {stale:#?}; {WRITE}=1 cargo test --test shape mends it");
    let strays: Vec<_> = table("The folders of `src/`")
        .iter()
        .filter_map(|row| quoted(&row[0]).next().map(str::to_owned))
        .filter(|folder| !root().join("src").join(folder).is_dir())
        .collect();
    assert!(strays.is_empty(), "{ARCHITECTURE}: {strays:?} are not in src/");
}

/// The text between two others, wherever that is in a text.
fn between<'a>(text: &'a str, before: &'a str, after: char) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

#[test]
fn the_table_of_threads_has_each_thread_by_its_name() {
    // `core-{:02}` and `takeup-sync-{}` stand in the table as `core-N` and `takeup-sync-N`.
    let plain = |name: &str| name.split_once('{').map_or(name.to_owned(), |(start, _)| format!("{start}N"));
    let mut named = BTreeSet::new();
    for (path, text) in sources(&["src"]) {
        if path.contains("test") || path.starts_with("src/cli/") {
            continue;
        }
        // `Builder::new().name("x"`, however it is broken into lines, or `spawn("x"` of the log; and a name that was formatted before.
        let joined: String = text.split_whitespace().collect();
        for call in ["Builder::new().name(\"", "spawn(\"", "spawn(format!(\""] {
            named.extend(between(&joined, call, '"').map(plain));
        }
        if text.contains("Builder::new().name(name)") {
            named.extend(between(&joined, "letname=format!(\"", '"').map(plain));
        }
    }
    let told: BTreeSet<_> =
        table("Threads").iter().flat_map(|row| quoted(&row[0]).map(str::to_owned).collect::<Vec<_>>()).collect();
    assert_eq!(told, named, "left: {ARCHITECTURE}, right: src/");
}

#[test]
fn every_test_that_holds_an_invariant_exists() {
    let text = fs::read_to_string(root().join(ARCHITECTURE)).unwrap();
    let sources = sources(&["src", "tests"]);
    let mut faults = Vec::new();
    let mut found = 0;
    for (number, line) in prose(&text) {
        for (path, test) in quoted(line).filter_map(|quoted| quoted.split_once("::")) {
            if !path.starts_with("src/") && !path.starts_with("tests/") {
                continue;
            }
            found += 1;
            let signature = format!("fn {test}(");
            if !sources.iter().any(|(file, text)| file.starts_with(path) && text.contains(&signature)) {
                faults.push(format!("{ARCHITECTURE}:{number}: there is no test {test} below {path}"));
            }
        }
    }
    assert!(found > 0, "{ARCHITECTURE} names no test");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
