//! Polices the shape of the house: who may import whom, how long a file may be, where `unsafe` may stand.

#[path = "shape/imports.rs"]
#[allow(missing_docs)]
mod imports;

#[path = "shape/docs.rs"]
#[allow(missing_docs)]
mod docs;

use std::fs;
use std::path::{Path, PathBuf};

/// Which folders (or single modules) of `src/` each may import from, besides itself. `cli` may use all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("watched_files", &[]),
    ("bucket", &[]),
    ("http", &[]),
    ("log", &[]),
    ("chart", &["base"]),
    ("load", &["base", "chart", "log", "tracker"]),
    ("stats", &["archive", "base", "chart", "codec", "log", "records"]),
    ("postgres", &[]),
    ("codec", &[]),
    ("config", &["base", "watched_files"]),
    ("directory", &["base", "postgres", "watched_files"]),
    ("client", &["base", "watched_files"]),
    ("session", &["base", "codec"]),
    ("tracker", &["base"]),
    ("telemetry", &["base"]),
    ("admin", &["assets", "base", "export", "player", "sessions", "telemetry"]),
    ("consume", &["log"]),
    ("checker", &["base", "consume", "log", "records", "tracker", "session", "codec", "config", "telemetry"]),
    ("courier", &["base", "codec", "consume", "log", "postgres", "records", "session", "telemetry", "tracker"]),
    (
        "archive",
        &["base", "codec", "config", "consume", "courier", "log", "records", "session", "telemetry", "tracker"],
    ),
    ("erase", &["archive", "assets", "checker", "codec", "courier", "log", "records", "tracker"]),
    ("assets", &["export", "log"]),
    ("export", &["tracker"]),
    ("player", &[]),
    ("sessions", &["base", "checker", "export", "log", "records", "session", "tracker"]),
    ("records", &["log", "codec", "tracker", "session"]),
    ("api", &["base", "http", "session", "client", "codec", "directory", "log", "records", "tracker"]),
    (
        "server",
        &[
            "base",
            "http",
            "api",
            "log",
            "records",
            "session",
            "client",
            "codec",
            "directory",
            "config",
            "telemetry",
            "bucket",
        ],
    ),
    (
        "node",
        &[
            "admin",
            "api",
            "archive",
            "assets",
            "base",
            "bucket",
            "checker",
            "client",
            "config",
            "consume",
            "courier",
            "directory",
            "erase",
            "log",
            "postgres",
            "server",
            "session",
            "sessions",
            "watched_files",
            "telemetry",
        ],
    ),
];

/// The only files that may hold `unsafe` code.
const MAY_BE_UNSAFE: &[&str] = &[
    "src/log/disk/file_block.rs",
    "src/log/disk/lease.rs",
    "src/log/disk/shared_page.rs",
    "src/log/disk/sigbus.rs",
    "src/log/disk/stage.rs",
    "src/log/write/segment.rs",
    "src/server/store/ring_writes.rs",
];

/// The only folder that may name the runtime, and the only ones that may name tokio.
const MAY_NAME_MONOIO: &[&str] = &["src/server/"];
const MAY_NAME_TOKIO: &[&str] = &[
    "src/admin/",
    "src/archive/mirror/",
    "src/archive/source/",
    "src/assets/fetch/",
    "src/courier/",
    "src/directory/database/",
    "src/directory/follow.rs",
    "src/load/",
    "src/postgres/",
];

const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && name != "fixtures" {
                rust_files(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Path relative to the repository, and text.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for folder in folders {
        rust_files(&root().join(folder), &mut paths);
    }
    assert!(!paths.is_empty(), "no sources in {folders:?}");
    let read = |path: &PathBuf| fs::read_to_string(path).expect("sources are readable UTF-8");
    let relative = |path: &PathBuf| path.strip_prefix(root()).expect("is below the root").display().to_string();
    paths.iter().map(|path| (relative(path), read(path))).collect()
}

/// The code of a line: without its comment.
fn code(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) }
}

fn starts_with_any(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

#[test]
fn no_file_is_longer_than_a_person_reads_at_once() {
    let all = sources(&["src", "tests", "benches", "build", "fuzz"]);
    let long: Vec<String> = all
        .iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines:\n{}", long.join("\n"));
}

#[test]
fn folders_import_only_what_the_architecture_allows() {
    let mut faults = Vec::new();
    for (path, text) in sources(&["src"]) {
        let Some(folder) = path.strip_prefix("src/").and_then(|p| p.split_once('/')).map(|(f, _)| f) else {
            continue;
        };
        if folder == "cli" {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == folder) else {
            faults.push(format!("{path}: the folder {folder} is not in the table"));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for after in code(line).split("crate::").skip(1) {
                let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let is_folder = MAY_IMPORT.iter().any(|(known, _)| *known == name) || name == "cli";
                if is_folder && name != folder && !allowed.contains(&name.as_str()) {
                    faults.push(format!("{path}:{}: {folder} must not use {name}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn unsafe_stands_only_where_it_is_argued_for() {
    let mut faults = Vec::new();
    for (path, text) in sources(&["src"]) {
        if MAY_BE_UNSAFE.contains(&path.as_str()) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = code(line);
            if ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"].iter().any(|word| code.contains(word)) {
                faults.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "unsafe outside {MAY_BE_UNSAFE:?}:\n{}", faults.join("\n"));
}

#[test]
fn every_test_is_among_all_tests() {
    let script = fs::read_to_string(root().join("scripts/test")).expect("the script is there");
    let named: Vec<&str> = script.split_whitespace().collect();
    let is_named = |name: &str| named.windows(2).any(|words| words == ["--test", name]);
    let mut left_out = Vec::new();
    for entry in fs::read_dir(root().join("tests")).expect("the tests are there").flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|ending| ending == "rs") && !is_named(name) {
            left_out.push(name.to_owned());
        }
    }
    assert!(left_out.is_empty(), "scripts/test runs none of {left_out:?}");
}

#[test]
fn only_the_server_knows_its_runtime() {
    let mut faults = Vec::new();
    for (path, text) in sources(&["src"]) {
        for (number, line) in text.lines().enumerate() {
            let code = code(line);
            let monoio = code.contains("monoio::") && !starts_with_any(&path, MAY_NAME_MONOIO);
            let tokio = code.contains("tokio::") && !starts_with_any(&path, MAY_NAME_TOKIO);
            if monoio || tokio {
                faults.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_folder_and_no_file_imports_itself_by_a_detour() {
    let imports = imports::Modules::read(&root().join("src/lib.rs")).imports();
    let explained = |import: &imports::Import| {
        let text = fs::read_to_string(&import.file).unwrap();
        let above: Vec<_> = text.lines().take(import.line - 1).collect();
        above.iter().rev().take_while(|line| line.trim_start().starts_with("//")).any(|line| line.contains("Circle:"))
    };
    let imports: Vec<_> = imports.into_iter().filter(|import| !explained(import)).collect();
    let mut text = String::new();
    for (parent, circle) in imports::circles(&imports) {
        let name = if parent.is_empty() { "src".to_owned() } else { parent.join("::") };
        text += &format!("in {name}:\n");
        for (from, to, imports) in circle {
            let own = |node: &Option<String>| node.clone().unwrap_or_else(|| "(its own file)".to_owned());
            text += &format!("  {} -> {}:", own(&from), own(&to));
            for import in imports {
                text += &format!(" {}:{}", import.file.strip_prefix(root()).unwrap().display(), import.line);
            }
            text += "\n";
        }
    }
    assert!(
        text.is_empty(),
        "circles of imports; break them, or say why in a comment `// Circle: ...` above the import:\n{text}"
    );
}
