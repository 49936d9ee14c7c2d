use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::watch::watch_every;
use super::*;

mod settled;
mod tables;

const WHOLE: &str = r##"
[[projects]]
project_id = 1
project_key = "webFullRate000000001"
name = "web"
platform = "web"
active = true
sample_rate = 100
max_session_duration = 7200000
beacon_size = 0

[[projects]]
project_id = 11
project_key = "short-key"
platform = "android"
active = false
sample_rate = 0
max_session_duration = 86400000
beacon_size = 3000000
save_request_payloads = true
retain_days = 0
deleted_at = 2024-01-01

[[tags]]
tag_id = 2
project_id = 1
name = "t2"
selector = 'div > a[href="/x?a=1&b=2"]'
ignore_click_rage = true
ignore_dead_click = false
location = "https://example.com/<p>"

[[conditions]]
project_id = 1
name = "checkout"
capture_rate = 0
filters = [{ type = "visitedUrl", operator = "contains", value = ["/checkout"] }]

[[feature_flags]]
feature_flag_id = 3
project_id = 1
flag_key = "multi"
flag_type = "multi"
is_persist = true
is_active = true
payload = '{"a":1}'
conditions = [{ name = "all", rollout_percentage = 100, filters = [] }]
variants = [{ value = "blue", payload = '{"c":"b"}', rollout_percentage = 100 }]

[[ut_tests]]
test_id = 1
project_id = 11
title = "Buy a thing"
starting_path = "/shop"
status = "in-progress"
require_mic = true
[[ut_tests.tasks]]
title = "find"
description = "find it"
allow_typing = true
"##;

fn fault(text: &str) -> (usize, String) {
    let faults = Directory::parse(text).map(|_| ()).unwrap_err();
    (faults[0].line, faults[0].text.clone())
}

#[test]
fn the_faults_of_all_tables_are_told_at_once() {
    let text = "[[projects]]\nproject_id = 1\nproject_key = \"k\"\nsample_rate = 101\n\
                [[projects]]\nproject_id = 2\n\
                [[projects]]\nproject_id = 3\nproject_key = \"third\"\n\
                [[tags]]\nproject_id = 1\ntag_id = 1\nselector = 5\n\
                [[tags]]\nproject_id = 3\ntag_id = 2\nselector = \"a\"\nlocaton = \"b\"\n\
                [[feature_flags]]\nproject_id = 3\nflag_key = \"c\"\n\
                conditions = [{ filters = [{ type = \"a\" }, { type = 5 }] }]\n\
                [[tagz]]\nx = 1\n";
    let faults = Directory::parse(text).unwrap_err();
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    // Both filters are on one line.
    assert_eq!(lines, [4, 5, 13, 18, 22, 23], "{faults:?}");
    let syntax = Directory::parse("[[projects]]\nproject_id = \nproject_key = \"k\nname = 'x'\n").unwrap_err();
    assert_eq!(syntax.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3], "{syntax:?}");
}

#[test]
fn every_table_is_read_and_hangs_on_its_project() {
    let directory = Directory::parse(WHOLE).unwrap();
    let web = directory.by_key("webFullRate000000001").unwrap();
    assert_eq!((web.project_id, web.platform, web.sample_rate), (1, Platform::Web, 100));
    assert_eq!(web.tags[0].location.as_deref(), Some("https://example.com/<p>"));
    assert_eq!(
        web.conditions[0].filters,
        r#"[{"type": "visitedUrl", "value": ["/checkout"], "operator": "contains"}]"#
    );
    assert_eq!(web.feature_flags[0].variants[0].value, "blue");
    let android = directory.by_id(11).unwrap();
    assert_eq!((android.active, android.platform.as_str()), (false, "android"));
    assert_eq!(android.deleted_at.as_deref(), Some("2024-01-01"));
    assert_eq!((web.retain, android.retain), (Retain::Unsaid, Retain::Days(0)));
    assert_eq!(android.ut_tests[0].tasks[0].title, "find");
    assert_eq!(directory.beacon_size_max(), 3_000_000);
    assert_eq!(directory.projects().len(), 2);
    assert!(directory.by_key("WEBFULLRATE000000001").is_none(), "case counts");
    assert!(directory.by_id(2).is_none());
    assert_eq!(directory.first_web_key(), Some("webFullRate000000001"));
}

#[test]
fn a_project_needs_only_a_number_and_a_key() {
    let directory = Directory::parse("[[projects]]\nproject_id = 7\nproject_key = 'k'").unwrap();
    let project = directory.by_id(7).unwrap();
    assert!(project.active);
    assert_eq!((project.sample_rate, project.max_session_duration), (100, 7_200_000));
    assert_eq!(project.retain, Retain::Unsaid, "the server's own setting");
    assert!(Directory::parse("").unwrap().projects().is_empty());
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let project = "[[projects]]\nproject_id = 1\nproject_key = \"k\"\n";
    for (text, line, needle) in [
        (format!("{project}sample_rat = 5\n"), 4, "did you mean `sample_rate`?"),
        (format!("{project}\n[[project]]\nx = 1\n"), 5, "did you mean `projects`?"),
        (format!("{project}sample_rate = 101\n"), 4, "`sample_rate` is 101; it must be 0 to 100"),
        (format!("{project}sample_rate = \"5\"\n"), 4, "must be an integer, not string"),
        (format!("{project}beacon_size = -1\n"), 4, "must be 0 to 2147483647"),
        (format!("{project}retain_days = 36501\n"), 4, "must be 0 to 36500"),
        (format!("{project}active = 1\n"), 4, "must be true or false, not integer"),
        (format!("{project}platform = \"tv\"\n"), 4, "\"web\", \"ios\", \"android\""),
        (format!("{project}name = \"a\\u0000\"\n"), 4, "must not contain NUL"),
        (format!("{project}{project}"), 5, "there is another project 1"),
        (format!("{project}[[projects]]\nproject_id = 2\nproject_key = \"k\"\n"), 6, "project 1 has this key already"),
        ("\n[[projects]]\nproject_id = 1\n".to_owned(), 2, "`project_key` is missing"),
        ("[[projects]]\nproject_id = 1\nproject_key = ''\n".to_owned(), 3, "1 to 64 characters"),
        ("[[projects]]\nproject_id = 0\n".to_owned(), 2, "must be 1 to 2147483647"),
        ("projects = 5\n".to_owned(), 1, "a list of tables, written [[projects]]"),
        ("[[projects]]\nproject_id = \n".to_owned(), 2, ""),
        (format!("{project}[[tags]]\nproject_id = 9\n"), 5, "there is no project 9"),
        (
            format!(
                "{project}[[feature_flags]]\nproject_id = 1\nflag_key = 'x'\n\
                 [[feature_flags.conditions]]\n[[feature_flags.conditions.filters]]\ntype = 'a'\noperater = 'is'\n"
            ),
            8,
            "`operator` is missing",
        ),
        (
            format!(
                "{project}[[feature_flags]]\nproject_id = 1\nfeature_flag_id = 1\n\
                 flag_key = 'x'\npayload = '{{'\n"
            ),
            8,
            "is not JSON",
        ),
    ] {
        let (found, text_of) = fault(&text);
        assert_eq!(found, line, "{text}\n{text_of}");
        assert!(text_of.contains(needle), "{text}\n{text_of}");
    }
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("projects.toml");
    let missing = Directory::load(&path).unwrap_err().to_string();
    assert!(missing.starts_with(&format!("cannot read {}", path.display())), "{missing}");
    std::fs::write(&path, "x = 1\n").unwrap();
    let unknown = Directory::load(&path).unwrap_err().to_string();
    assert!(unknown.starts_with(&format!("{}, line 1: `x`", path.display())), "{unknown}");
}

#[test]
fn a_changed_file_is_published_and_a_broken_one_keeps_the_old_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("projects.toml");
    std::fs::write(&path, WHOLE).unwrap();
    let shared = Arc::new(CurrentDirectory::open(&path, folder.path(), Duration::ZERO).unwrap().0);
    let version = shared.snapshot().version();
    let (sender, reports) = mpsc::channel();
    let report = move |report: Report| {
        sender.send(report.map(|taken| taken.projects).map_err(|error| error.to_string())).unwrap();
    };
    let watcher = watch_every(Duration::from_millis(5), Arc::clone(&shared), report);
    let next = || reports.recv_timeout(Duration::from_secs(20)).unwrap();

    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(shared.snapshot().version(), version, "an unchanged file is not published again");

    std::fs::write(&path, "[[projects]]\nproject_id = 1\n").unwrap();
    let broken = next().unwrap_err();
    assert!(broken.contains("line 1: `project_key` is missing"), "{broken}");

    let new = folder.path().join("new");
    std::fs::write(&new, "[[projects]]\nproject_id = 5\nproject_key = 'five'\n").unwrap();
    std::fs::rename(&new, &path).unwrap();
    assert_eq!(next(), Ok(1));
    assert!(shared.current().by_key("five").is_some());
    assert!(shared.snapshot().version() > version);

    std::fs::remove_file(&path).unwrap();
    assert!(next().unwrap_err().contains("cannot read"));
    assert!(shared.current().by_key("five").is_some());
    drop(watcher);
}
