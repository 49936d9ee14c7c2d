//! Exports from an archive are those from the log that it was made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::services::S3;
use crate::common::{Finished, Home};
use crate::recorded::{SESSION, record};

/// What an export came to: its output, and its files.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    stdout: String,
    files: BTreeMap<String, Vec<u8>>,
}

fn files_below(folder: &Path, base: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files_below(&path, base, files);
        } else {
            let name = path.strip_prefix(base).expect("below").display().to_string();
            files.insert(name, fs::read(&path).expect("a file"));
        }
    }
}

/// Every form of a session.
fn all_forms(home: &Home, source: &[&str], environment: &[(&str, &str)], is_old: bool) -> BTreeMap<String, Made> {
    let folder = home.data().join("forms");
    let to = folder.display().to_string();
    let mut forms = vec![
        vec!["--rrweb"],
        vec!["--timeline", "md"],
        vec!["--timeline", "json"],
        vec!["--ndjson"],
        vec!["--images", &to],
        vec!["--raw", &to],
        vec!["--mob", &to],
    ];
    if is_old {
        forms.push(vec!["--mob", &to, "--release", "2024-03"]);
    }
    let mut made = BTreeMap::new();
    for form in forms {
        let _ = fs::remove_dir_all(&folder);
        let session = SESSION.to_string();
        let ran: Finished = home.takeup_in(environment, &[&["export", &session], &form[..], source].concat());
        assert_eq!(ran.code, Some(0), "{form:?}: {}", ran.stderr);
        let mut files = BTreeMap::new();
        files_below(&folder, &folder, &mut files);
        made.insert(form.join(" "), Made { stdout: ran.stdout, files });
    }
    made
}

fn assert_same(of_log: &BTreeMap<String, Made>, of_archive: &BTreeMap<String, Made>) {
    for (form, made) in of_log {
        let other = &of_archive[form];
        // Not every session has pictures.
        let may_be_empty = form.starts_with("--images");
        assert!(may_be_empty || !made.stdout.is_empty() || !made.files.is_empty(), "{form}: something is made");
        assert!(made.stdout == other.stdout, "{form}: another output");
        assert_eq!(made.files.keys().collect::<Vec<_>>(), other.files.keys().collect::<Vec<_>>(), "{form}");
        for (name, bytes) in &made.files {
            assert!(*bytes == other.files[name], "{form}: {name} differs");
        }
    }
}

#[test]
fn with_the_log_gone_the_archive_has_all_that_exports_need_byte_for_byte() {
    for capture in ["12.0.4-journey", "18.0.7-beta.1-multitab", "19.0.1-journey"] {
        let home = record(capture);
        let is_old = capture.starts_with("12.");
        let of_log = all_forms(&home, &[], &[], is_old);
        let pictures = of_log.iter().find(|(form, _)| form.starts_with("--images")).map(|(_, made)| made.files.len());
        assert_eq!(pictures > Some(0), capture.ends_with("journey"));
        let compacted = home.takeup(&["compact"]);
        assert_eq!(compacted.code, Some(0), "{}", compacted.stderr);
        fs::remove_dir_all(home.data().join("log")).expect("the log can be removed");
        assert_same(&of_log, &all_forms(&home, &["--archive"], &[], is_old));
        // Wherever the archive is.
        let elsewhere = home.data().join("elsewhere");
        fs::rename(home.data().join("archive"), &elsewhere).expect("it can be moved");
        let folder = elsewhere.display().to_string();
        assert_same(&of_log, &all_forms(&home, &["--archive", &folder], &[], is_old));
    }
}

#[test]
fn an_archive_in_an_object_store_has_all_that_exports_need() {
    let home = record("19.0.1-leave");
    let s3 = S3::new();
    let environment = s3.environment();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
    let of_log = all_forms(&home, &[], &[], false);
    let url = format!("s3://{}/archive", s3.bucket());
    let compacted = home.takeup_in(&environment, &["compact", "--store", &url]);
    assert_eq!(compacted.code, Some(0), "{}", compacted.stderr);
    fs::remove_dir_all(home.data().join("log")).expect("the log can be removed");
    fs::remove_dir_all(home.data().join("archive")).expect("the archive can be removed");
    assert_same(&of_log, &all_forms(&home, &["--archive", &url], &environment, false));
}

#[test]
fn who_looks_in_the_wrong_place_is_told_where_the_session_may_be() {
    let home = record("19.0.1-leave");
    let ran = home.takeup(&["export", "17", "--rrweb", "--archive"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("there is no archive"), "{}", ran.stderr);
    assert_eq!(home.takeup(&["compact"]).code, Some(0));
    let ran = home.takeup(&["export", "17", "--rrweb"]);
    assert!(ran.stderr.contains("it may be in the archive: add --archive"), "{}", ran.stderr);
    let ran = home.takeup(&["export", "17", "--rrweb", "--archive"]);
    assert!(ran.stderr.contains("session 17 is not in the archive of"), "{}", ran.stderr);
}
