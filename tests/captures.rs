//! Requests of real trackers, sent again.
//!
//! `tests/fixtures/captures` has the requests of browsers in the order in which a server met them.
//! Each file is replayed request by request, on as many connections as the browser used. Sessions
//! are started anew, so the tokens and ids of the recording are replaced by ours on the way. Every
//! answer has to be the recorded one, except where the recorder failed on purpose, and whatever
//! was accepted has to be in the log, byte for byte, in its session's order: batches, canvas frames,
//! events of the analytics SDK, signals of usability tests.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

/// The files in `tests/captures/`.
mod captures {
    pub mod answers;
    pub mod exchange;
    pub mod form;
}

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use captures::exchange::{self, Batch, Replay, Sent};
use common::log::Record;
use common::{Home, fixtures};
use serde_json::Value;

use takeup::log::format::record::Kind;

/// The project of the captures, and its tags.
const PROJECT_KEY: &str = "TkuPrjKey0123456abcd";
const PROJECTS: &str = r##"
[[projects]]
project_id = 7
project_key = "TkuPrjKey0123456abcd"
name = "shop"
platform = "web"
active = true
sample_rate = 100
max_session_duration = 7200000
beacon_size = 0

[[tags]]
tag_id = 11
project_id = 7
name = "checkout"
selector = "#checkout"
ignore_click_rage = false
ignore_dead_click = false

[[tags]]
tag_id = 12
project_id = 7
name = "buy"
selector = ".product-card .buy"
ignore_click_rage = true
ignore_dead_click = false

[[conditions]]
condition_id = 1
project_id = 7
name = "checkout started"
capture_rate = 100
filters = [
    { type = "customEvent", value = ["checkout_started"], operator = "contains", isEvent = true, filters = [] },
    { type = "custom", value = ["checkout_started"], operator = "contains", isEvent = true, filters = [] },
]

[[conditions]]
condition_id = 2
project_id = 7
name = "slow request"
capture_rate = 50

[[conditions.filters]]
type = "fetch"
value = []
operator = "is"
filters = [
    { type = "fetchUrl", value = ["/api/never"], operator = "contains" },
    { type = "fetchStatusCode", value = ["500"], operator = "=" },
]

[[feature_flags]]
feature_flag_id = 1
project_id = 7
flag_key = "new-checkout"
flag_type = "single"
is_persist = true
is_active = true
conditions = [{ name = "all", rollout_percentage = 100, filters = [] }]

[[feature_flags]]
feature_flag_id = 2
project_id = 7
flag_key = "button-colour"
flag_type = "multi"
is_persist = false
is_active = true
conditions = [{ name = "all", rollout_percentage = 100, filters = [] }]
variants = [{ value = "green", payload = '{"hex":"#0a7d32"}', rollout_percentage = 100 }]

[[ut_tests]]
test_id = 31
project_id = 7
title = "Buying a kettle"
description = "Try the new shop"
starting_path = "/"
status = "in-progress"
require_mic = false
require_camera = false
guidelines = "Think aloud"
conclusion_message = "Thank you"
tasks = [
    { task_id = 71, title = "Find a kettle", description = "Use the search", allow_typing = true },
    { task_id = 72, title = "Put it in the basket", description = "Use the button", allow_typing = false },
]
"##;

/// Files that are replayed at the same time.
const AT_ONCE: usize = 4;

#[test]
fn captured_trackers_get_their_answers_and_all_that_they_sent_is_stored() {
    let (big, usual): (Vec<PathBuf>, Vec<PathBuf>) = files().into_iter().partition(|file| name(file).ends_with("-big"));
    assert_eq!((big.len(), usual.len()), (3, 61), "all captures are there");
    replay_on_one_server(&usual, "1000000");
    replay_on_one_server(&big, "400000");
}

fn files() -> Vec<PathBuf> {
    let folder = fs::read_dir(fixtures("captures")).expect("the captures are there");
    let paths = folder.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
    files.sort();
    files
}

fn name(file: &std::path::Path) -> &str {
    file.file_stem().and_then(|stem| stem.to_str()).expect("a UTF-8 file name")
}

fn replay_on_one_server(files: &[PathBuf], beacon_size_limit: &str) {
    let environment = [
        ("TOKEN_SECRET".to_owned(), exchange::SECRET.to_owned()),
        ("HOSTNAME".to_owned(), "localhost".to_owned()),
        ("BEACON_SIZE_LIMIT".to_owned(), beacon_size_limit.to_owned()),
    ];
    let home = Home::with_projects(PROJECTS);
    let server = home.serve_recorded(&environment, PROJECT_KEY);
    let queue = Mutex::new(files.iter());
    let replays: Mutex<Vec<Replay>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(file) = queue.lock().expect("no thread panicked").next() else { return };
                    let text = fs::read_to_string(file).expect("a capture is text");
                    let mut replay = Replay::new(name(file), server.addr);
                    text.lines().for_each(|line| replay.step(line));
                    replays.lock().expect("no thread panicked").push(replay);
                }
            });
        }
    });
    let records = home.records();
    server.stop();

    let mut complaints = Vec::new();
    let mut by_session: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    let (unstarted, records): (Vec<Record>, Vec<Record>) =
        records.into_iter().partition(|record| record.table.as_deref() == Some("unstarted_sessions"));
    let mut not_started = 0;
    for record in records {
        by_session.entry(record.session).or_default().push(record);
    }
    for mut replay in replays.into_inner().expect("no thread panicked") {
        complaints.append(&mut replay.complaints);
        not_started += replay.not_started;
        for (session, sent) in &replay.sent {
            let stored = by_session.remove(session).unwrap_or_default();
            complaints.extend(compare(sent, &stored).map(|c| format!("{} session {session}: {c}", replay.name)));
        }
    }
    if unstarted.len() != not_started {
        complaints.push(format!("{} rows of {not_started} pages that did not record", unstarted.len()));
    }
    complaints.extend(by_session.keys().map(|session| format!("a session that nobody started: {session}")));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Compares what was sent for a session with its records: one start, if it is recorded, and all else in its order.
fn compare(sent: &Sent, stored: &[Record]) -> Option<String> {
    let of = |kind: Kind| -> Vec<&Record> { stored.iter().filter(|record| record.kind == kind).collect() };
    let starts = of(Kind::Start);
    if starts.len() != usize::from(sent.is_recorded) {
        return Some(format!("{} starts stored, recorded: {}", starts.len(), sent.is_recorded));
    }
    if sent.is_recorded && stored[0].kind != Kind::Start {
        return Some("the start is not the first record".to_owned());
    }
    if let Some(other) = stored.iter().find(|record| record.project != 7) {
        return Some(format!("a record of project {}", other.project));
    }
    compare_batches(&sent.batches, &of(Kind::Batch))
        .or_else(|| compare_images(&sent.images, &of(Kind::Image)))
        .or_else(|| compare_sdk(&sent.sdk, &of(Kind::Sdk)))
        .or_else(|| compare_signals(&sent.signals, &of(Kind::Row)))
}

fn compare_batches(sent: &[Batch], stored: &[&Record]) -> Option<String> {
    if stored.len() != sent.len() {
        return Some(format!("{} batches stored, {} sent", stored.len(), sent.len()));
    }
    sent.iter().zip(stored).enumerate().find_map(|(i, (sent, stored))| {
        let faults = [
            (sent.body != stored.body).then_some("other bytes"),
            (sent.data_type != stored.data_type).then_some("another data type"),
            (sent.encoding != stored.encoding).then_some("another encoding"),
            (sent.label != stored.label).then_some("another label"),
            (sent.split != stored.split).then_some("another split"),
        ];
        let faults: Vec<&str> = faults.into_iter().flatten().collect();
        (!faults.is_empty()).then(|| format!("batch {i} ({}): {}", sent.target, faults.join(", ")))
    })
}

fn compare_images(sent: &[(String, Vec<u8>)], stored: &[&Record]) -> Option<String> {
    if stored.iter().any(|record| record.topic != "canvas-images") {
        return Some("canvas frames under another topic".to_owned());
    }
    let names = |all: &[&str]| all.join(", ");
    let given: Vec<(&str, &[u8])> =
        stored.iter().map(|record| (record.file.as_deref().unwrap_or_default(), record.body.as_slice())).collect();
    let wanted: Vec<(&str, &[u8])> = sent.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let only = |pairs: &[(&str, &[u8])]| names(&pairs.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    (given != wanted).then(|| format!("canvas frames [{}] stored, [{}] sent", only(&given), only(&wanted)))
}

fn compare_sdk(sent: &[Vec<u8>], stored: &[&Record]) -> Option<String> {
    let is_same = sent.len() == stored.len()
        && sent.iter().zip(stored).all(|(sent, stored)| stored.topic == "raw-analytics" && *sent == stored.body);
    (!is_same).then(|| format!("{} bodies of the SDK stored, {} sent", stored.len(), sent.len()))
}

/// A page and a row may have different names for the same thing.
fn compare_signals(sent: &[Value], stored: &[&Record]) -> Option<String> {
    const NAMES: [(&str, &str); 6] = [
        ("testId", "test_id"),
        ("taskId", "task_id"),
        ("status", "status"),
        ("taskAnswer", "comment"),
        ("timestamp", "timestamp"),
        ("duration", "duration"),
    ];
    if sent.len() != stored.len() {
        return Some(format!("{} signals stored, {} sent", stored.len(), sent.len()));
    }
    sent.iter().zip(stored).find_map(|(sent, stored)| {
        let row: Value = serde_json::from_slice(&stored.body).expect("a row is JSON");
        // A duration of 0 counts as none, as in the old service.
        let is_same =
            |(key, column): &(&str, &str)| sent[*key] == row[*column] || sent[*key] == 0 && row[*column].is_null();
        (!NAMES.iter().all(is_same)).then(|| format!("the signal {sent} is stored as {row}"))
    })
}
