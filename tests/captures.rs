//! What real trackers sent, sent again.
//!
//! `tests/fixtures/captures` has the requests of browsers in the order in which a server met them.
//! Each file is replayed request by request, on as many connections as the browser used. Sessions
//! are started anew, so the tokens and ids of the recording are replaced by ours on the way. Every
//! answer has to be the recorded one, faults that the recorder made on purpose aside, and every
//! batch that was taken has to be in the log, byte for byte, in its session's order.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

#[path = "captures/answers.rs"]
mod answers;
#[path = "captures/exchange.rs"]
mod exchange;
#[path = "golden/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use exchange::{Replay, Sent};
use harness::server::{Server, fixtures};
use harness::stored::{self, Record};

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
"##;

/// Files that are replayed at the same time.
const AT_ONCE: usize = 4;

#[test]
fn captured_trackers_get_their_answers_and_every_batch_is_stored() {
    let (big, usual): (Vec<PathBuf>, Vec<PathBuf>) = files().into_iter().partition(|file| name(file).ends_with("-big"));
    assert!(big.len() >= 3 && usual.len() >= 50, "the captures are there");
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
    let server = Server::start(PROJECTS, &environment, PROJECT_KEY);
    let queue = Mutex::new(files.iter());
    let replays: Mutex<Vec<Replay>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(file) = queue.lock().expect("no thread panicked").next() else { return };
                    let text = fs::read_to_string(file).expect("a capture is text");
                    let mut replay = Replay::new(name(file), server.address());
                    text.lines().for_each(|line| replay.step(line));
                    replays.lock().expect("no thread panicked").push(replay);
                }
            });
        }
    });
    let records = stored::records(server.data());
    server.stop();

    let mut complaints = Vec::new();
    let mut by_session: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    for record in records {
        by_session.entry(record.session).or_default().push(record);
    }
    for mut replay in replays.into_inner().expect("no thread panicked") {
        complaints.append(&mut replay.complaints);
        for (session, sent) in &replay.sent {
            let stored = by_session.remove(session).unwrap_or_default();
            complaints.extend(compare(sent, &stored).map(|c| format!("{} session {session}: {c}", replay.name)));
        }
    }
    complaints.extend(by_session.keys().map(|session| format!("a session that nobody started: {session}")));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Compares what was sent for a session with its records: one start, if it is recorded, and the
/// batches in their order.
fn compare(sent: &Sent, stored: &[Record]) -> Option<String> {
    let (starts, batches): (Vec<&Record>, Vec<&Record>) = stored.iter().partition(|record| record.row.is_some());
    if starts.len() != usize::from(sent.is_recorded) {
        return Some(format!("{} starts stored, recorded: {}", starts.len(), sent.is_recorded));
    }
    if sent.is_recorded && stored[0].row.is_none() {
        return Some("the start is not the first record".to_owned());
    }
    if batches.len() != sent.batches.len() {
        return Some(format!("{} batches stored, {} sent", batches.len(), sent.batches.len()));
    }
    sent.batches.iter().zip(batches).enumerate().find_map(|(i, (sent, stored))| {
        let faults = [
            (sent.body != stored.body).then_some("other bytes"),
            (sent.data_type != stored.data_type).then_some("another data type"),
            (sent.encoding != stored.encoding).then_some("another encoding"),
            (sent.label != stored.label).then_some("another label"),
            (sent.split != stored.split).then_some("another split"),
            (stored.project != 7).then_some("another project"),
        ];
        let faults: Vec<&str> = faults.into_iter().flatten().collect();
        (!faults.is_empty()).then(|| format!("batch {i} ({}): {}", sent.target, faults.join(", ")))
    })
}
