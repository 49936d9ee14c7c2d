//! `takeup stats`: the same numbers from the log, from the archive and from both, and the numbers that other commands show.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/recorded.rs"]
#[allow(missing_docs, dead_code)]
mod recorded;

// The former needs it.
#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

use std::fs;

use common::{Finished, Home, Request};
use recorded::{compact, record_all};
use serde_json::{Map, Value};

/// Runs `takeup stats --json`.
#[track_caller]
fn stats(home: &Home, arguments: &[&str]) -> Map<String, Value> {
    let finished = run(home, &[&["--json"], arguments].concat());
    finished.lines().remove(0).as_object().expect("an object").clone()
}

#[track_caller]
fn run(home: &Home, arguments: &[&str]) -> Finished {
    let finished = home.takeup(&[&["stats"], arguments].concat());
    assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    finished
}

/// The numbers alone, without what tells where they came from.
fn numbers(mut stats: Map<String, Value>) -> Map<String, Value> {
    for other in ["source", "archive", "log", "elapsed_ms", "repeats"] {
        assert!(stats.remove(other).is_some(), "{other}");
    }
    stats
}

#[test]
fn the_log_the_archive_and_both_give_the_same_numbers() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 2);
    // Two chunks and more for the sessions that go on, and small files merged.
    compact(home.data(), &["--chunk", "1", "--merge", "all"]);
    record_all(&server, &home.project_key(), 1);
    compact(home.data(), &["--chunk", "1"]);
    server.stop();
    for by in ["project", "browser", "country", "hour", "os", "device", "tracker", "user", "none"] {
        let log = numbers(stats(&home, &["--by", by, "--source", "log"]));
        for source in ["archive", "both"] {
            let found = numbers(stats(&home, &["--by", by, "--source", source]));
            assert_eq!(found, log, "by {by}, {source}");
        }
        assert!(by == "none" || !log["groups"].as_array().expect("groups").is_empty(), "{by}");
    }
    check_against_other_commands(&home);

    // What is not in the archive yet comes from the log, and nothing counts twice.
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 1);
    let whole = numbers(stats(&home, &["--by", "browser", "--source", "log"]));
    let both = stats(&home, &["--by", "browser"]);
    assert_eq!((&both["archive"], &both["log"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(numbers(both), whole);
    let archived = stats(&home, &["--source", "archive"]);
    assert!(archived["records"].as_u64() < whole["records"].as_u64());
    server.stop();

    // The archive alone is enough.
    compact(home.data(), &[]);
    fs::remove_dir_all(home.data().join("log")).expect("the log is a folder");
    assert_eq!(numbers(stats(&home, &["--by", "browser"])), whole);
}

fn check_against_other_commands(home: &Home) {
    let found = stats(home, &[]);
    let sessions = home.takeup(&["sessions", "--json"]).lines();
    assert_eq!(found["sessions"], sessions.len());
    let sum = |field: &str| sessions.iter().map(|session| session[field].as_u64().expect("a number")).sum::<u64>();
    // `takeup sessions` counts uploads of images among the batches.
    assert_eq!(found["batches"].as_u64().zip(found["images"].as_u64()).map(|(a, b)| a + b), Some(sum("batches")));
    let largest = &found["largest_sessions"][0];
    let id = largest["session_id"].as_str().expect("an id");
    let records = home.takeup(&["inspect", "--records", "--json"]).lines();
    let its = records.iter().filter(|record| record["session_id"] == id);
    let stored: u64 = its.filter_map(|record| record["bytes"].as_u64()).sum();
    assert_eq!(largest["stored_bytes"], stored, "{id}");
    // A session found here opens by the other commands.
    let events = home.takeup(&["events", id, "--json"]);
    assert!(events.code == Some(0) && !events.lines().is_empty(), "{id}");
}

#[test]
fn a_range_of_time_counts_what_was_received_in_it_whatever_the_source() {
    let home = Home::new();
    let server = home.serve(&[]);
    let key = home.project_key();
    let token = server.start_session(&key);
    let send = |number: u64| {
        let body = format!("a batch of its own, number {number}");
        assert_eq!(server.connect().exchange(Request::batch(&token, body)).status, 200);
    };
    (0..5).for_each(&send);
    let middle = stats(&home, &["--source", "log"])["last_us"].as_u64().expect("a time") + 1;
    compact(home.data(), &[]);
    (5..12).for_each(send);
    let exact = |us: u64| format!("{}.{:06}Z", seconds(us / 1_000_000), us % 1_000_000);
    let (before, after) = (["--until", &*exact(middle)], ["--from", &*exact(middle)]);
    for compacted in [false, true] {
        for source in ["log", "both"] {
            let count = |range: &[&str]| stats(&home, &[range, &["--source", source, "--by", "browser"]].concat());
            let (first, second) = (count(&before), count(&after));
            assert_eq!((&first["batches"], &second["batches"]), (&5.into(), &7.into()), "{source} {compacted}");
            assert_eq!((&first["sessions"], &second["sessions"]), (&1.into(), &1.into()), "{source} {compacted}");
            // The session began before the range, and its browser is known all the same.
            assert_eq!(first["groups"][0]["value"], second["groups"][0]["value"], "{source} {compacted}");
            assert!(second["groups"][0]["value"].is_string(), "{second:?}");
        }
        compact(home.data(), &[]);
    }
    assert_eq!(stats(&home, &["--project", "999"])["records"], 0);
    server.stop();
}

/// Seconds since the Unix epoch, as `2026-11-29T06:00:00`.
fn seconds(second: u64) -> String {
    let time = jiff::Timestamp::from_second(second.cast_signed()).expect("a time");
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[test]
fn the_numbers_stay_equal_when_a_session_was_erased() {
    let home = Home::new();
    let server = home.serve(&[]);
    record_all(&server, &home.project_key(), 2);
    compact(home.data(), &["--chunk", "1", "--merge", "none"]);
    server.stop();
    let before = stats(&home, &[]);
    let id = before["largest_sessions"][0]["session_id"].as_str().expect("an id").to_owned();
    for merge in ["none", "all"] {
        let erased = home.takeup(&["erase", "--yes", "--session", &id]);
        assert_eq!(erased.code, Some(0), "{erased:?}");
        compact(home.data(), &["--merge", merge]);
        for by in ["browser", "hour", "user"] {
            let log = numbers(stats(&home, &["--by", by, "--source", "log"]));
            assert_eq!(log["sessions"].as_u64().map(|sessions| sessions + 1), before["sessions"].as_u64());
            for source in ["archive", "both"] {
                let found = numbers(stats(&home, &["--by", by, "--source", source]));
                assert_eq!(found, log, "by {by}, {source}, merged {merge}");
            }
        }
    }
}

#[test]
fn a_log_that_is_put_back_after_another_counts_once() {
    let home = Home::new();
    let (log, away) = (home.data().join("log"), home.data().join("away"));
    let record_another = || {
        let server = home.serve(&[("cores", "1")]);
        record_all(&server, &home.project_key(), 1);
        server.stop();
        compact(home.data(), &[]);
    };
    record_another();
    fs::rename(&log, &away).expect("it is there");
    record_another();
    fs::remove_dir_all(&log).expect("it is there");
    fs::rename(&away, &log).expect("it is there");
    let both = stats(&home, &[]);
    assert_eq!((&both["archive"], &both["log"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(numbers(both), numbers(stats(&home, &["--source", "archive"])));
}

#[test]
fn another_archive_is_counted_by_its_address() {
    let home = Home::new();
    let server = home.serve(&[]);
    record_all(&server, &home.project_key(), 1);
    compact(home.data(), &[]);
    let archive = home.data().join("archive");
    let address = archive.to_str().expect("a path");
    let other = Home::new();
    let log = numbers(stats(&home, &["--source", "log", "--by", "browser"]));
    assert_eq!(numbers(stats(&other, &["--archive", address, "--by", "browser"])), log);
    let file_url = format!("file://{address}");
    let by_url = stats(&other, &["--archive", &file_url, "--by", "browser"]);
    assert_eq!((&by_url["source"], &by_url["log"]), (&"archive".into(), &false.into()));
    assert_eq!(numbers(by_url), log);

    // With its own log, from where it ends; never with another's.
    record_all(&server, &home.project_key(), 1);
    let both = stats(&home, &["--archive", address, "--source", "both"]);
    assert_eq!(numbers(both), numbers(stats(&home, &["--source", "log"])));
    server.stop();
    other.serve(&[]).stop();
    for (arguments, said) in [
        (&["--archive", address, "--source", "both"][..], "count them one by one"),
        (&["--archive", address, "--source", "log"], "--archive does not go with --source log"),
        (&["--archive", "/no/such/archive"], "/no/such/archive: there is no archive"),
    ] {
        let finished = other.takeup(&[&["stats"], arguments].concat());
        assert!(finished.code == Some(1) && finished.stderr.contains(said), "{arguments:?}: {finished:?}");
    }
}

#[test]
fn a_person_reads_the_numbers_and_a_picture_of_them() {
    let home = Home::new();
    let picture = home.data().join("stats.svg");
    let path = picture.to_str().expect("a path");
    let nothing = home.takeup(&["stats"]);
    assert!(nothing.code == Some(1) && nothing.stderr.contains("there is no log"), "{nothing:?}");
    let server = home.serve(&[]);
    let empty = run(&home, &["--svg", path]);
    assert!(empty.stdout.contains("received  nothing"), "{}", empty.stdout);
    assert!(fs::read_to_string(&picture).expect("a picture").contains("nothing was recorded"));
    record_all(&server, &home.project_key(), 1);
    let shown = run(&home, &["--by", "browser", "--svg", path]).stdout;
    for part in ["sessions  5", "between batches of a session", "BROWSER", "LARGEST SESSIONS", "P99.9"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let drawn = fs::read_to_string(&picture).expect("a picture");
    assert!(drawn.ends_with("</svg>\n") && drawn.contains("Sessions by browser"), "{drawn}");
    server.stop();
}

#[test]
fn what_can_not_be_counted_is_said() {
    let home = Home::new();
    home.serve(&[]).stop();
    let said = |arguments: &[&str]| {
        let finished = home.takeup(&[&["stats"], arguments].concat());
        assert_eq!(finished.code, Some(1), "{arguments:?}: {finished:?}");
        finished.stderr
    };
    assert!(said(&["--source", "archive"]).contains("takeup compact"));
    assert!(said(&["--from", "1h", "--until", "2h"]).contains("--until must be after --from"));
    assert!(said(&["--svg", "/no/such/folder/a.svg"]).contains("/no/such/folder/a.svg"));
    compact(home.data(), &[]);
    let server = home.serve(&[]);
    record_all(&server, &home.project_key(), 1);
    server.stop();
    compact(home.data(), &[]);
    let batches = fs::read_dir(home.data().join("archive/batches")).expect("a folder").flatten().next().expect("a day");
    let hour = fs::read_dir(batches.path()).expect("a folder").flatten().next().expect("an hour");
    let file = fs::read_dir(hour.path()).expect("a folder").flatten().next().expect("a file").path();
    let path = file.to_str().expect("a path");
    let whole = fs::read(&file).expect("a file");
    let all = stats(&home, &["--source", "archive"]);
    assert_eq!((&all["left_out_files"], &all["left_out"]), (&0.into(), &Value::Array(Vec::new())));
    // Cut, gone, without a footer, and with a footer that says nonsense: nothing of the file counts, and all else does.
    let mut footless = whole.clone();
    let end = footless.len();
    footless[end - 400..].fill(7);
    let mut garbled = whole.clone();
    garbled[4..end - 8].iter_mut().step_by(37).for_each(|byte| *byte ^= 0x55);
    for damaged in [Some(b"PAR1 and no more".to_vec()), None, Some(footless), Some(garbled)] {
        match &damaged {
            Some(bytes) => fs::write(&file, bytes).expect("a file"),
            None => fs::remove_file(&file).expect("a file"),
        }
        let found = stats(&home, &["--source", "archive", "--by", "browser"]);
        let left_out = &found["left_out"][0];
        assert_eq!((&found["left_out_files"], &left_out["path"]), (&1.into(), &path.into()), "{found:?}");
        assert_eq!(left_out["table"], "batches", "{found:?}");
        let rows = left_out["rows"].as_u64().expect("a number");
        let count = |found: &Map<String, Value>, of: &str| found[of].as_u64().expect("a number");
        assert_eq!(count(&found, "batches") + rows, count(&all, "batches"), "{found:?}");
        assert_eq!(count(&found, "images"), count(&all, "images"), "{found:?}");
        let shown = run(&home, &["--source", "archive"]).stdout;
        assert!(shown.contains("LEFT OUT  1 file of the archive") && shown.contains(path), "{shown}");
    }
    assert_eq!(stats(&home, &["--source", "log"])["left_out_files"], 0);
    fs::write(home.data().join("archive/manifest.json"), b"{").expect("a file");
    assert!(said(&[]).contains("manifest.json"));
}
