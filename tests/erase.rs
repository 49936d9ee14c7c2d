//! `takeup erase`: nothing of a person is left under the data folder, and everything else is as it was.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use common::{Finished, Home, Request, Server};
use takeup::log::format::record::Kind;
use takeup::log::read::merge::{Merge, RepeatWindow};
use takeup::log::read::reader::LogReader;
use takeup::tracker::{write_string, write_uint};

/// What only the person's batches have.
const SECRET: &str = "the-persons-own-words";
/// The user's id, which a later batch names.
const USER: &str = "jane@example.org";

/// A batch in which the user becomes known, or one with other words.
fn batch(page: u64, words: &str, user: Option<&str>) -> Vec<u8> {
    let mut body = Vec::new();
    write_uint(&mut body, 81);
    for number in [0, page, 0, 0] {
        write_uint(&mut body, number);
    }
    write_string(&mut body, format!("https://example.org/{words}").as_bytes());
    if let Some(user) = user {
        write_uint(&mut body, 28);
        write_string(&mut body, user.as_bytes());
    }
    // A custom event.
    write_uint(&mut body, 22);
    write_string(&mut body, words.as_bytes());
    write_string(&mut body, words.repeat(20).as_bytes());
    body
}

/// Records a session of the person, and some of others around it; returns the person's session.
fn record(server: &Server, key: &str) -> u64 {
    let send = |token: &str, body: &[u8]| {
        let answer = server.connect().exchange(Request::batch(token, body));
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let others = ["first", "last"].map(|words| (server.start_session(key), words));
    let answer = server.connect().exchange(Request::start(key)).json();
    let token = answer["token"].as_str().expect("a token").to_owned();
    for page in 0..6 {
        send(&others[0].0, &batch(page, others[0].1, None));
        send(&token, &batch(page, SECRET, (page == 3).then_some(USER)));
        send(&others[1].0, &batch(page, others[1].1, Some("somebody-else")));
    }
    answer["sessionID"].as_str().expect("a session").parse().expect("a number")
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        if entry.path().is_dir() { files(&entry.path(), found) } else { found.push(entry.path()) }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Searches every file below the data folder, raw and as what it holds, for the person.
#[track_caller]
fn assert_nothing_is_left(data: &Path, session: u64) {
    let needles = [
        SECRET.as_bytes().to_vec(),
        USER.as_bytes().to_vec(),
        session.to_string().into_bytes(),
        session.to_le_bytes().to_vec(),
    ];
    let check = |what: &str, bytes: &[u8]| {
        for needle in &needles {
            assert!(!contains(bytes, needle), "{what} has {:?}", String::from_utf8_lossy(needle));
        }
    };
    let mut all = Vec::new();
    files(data, &mut all);
    assert!(all.len() > 3, "{all:?}");
    for path in all {
        let bytes = fs::read(&path).expect("a file");
        let name = path.display().to_string();
        check(&name, name.as_bytes());
        check(&name, &bytes);
        if name.ends_with(".parquet") {
            let reader = SerializedFileReader::new(Bytes::from(bytes)).expect("a Parquet file");
            let footer = format!("{:?}", reader.metadata());
            check(&name, footer.as_bytes());
            for row in reader.get_row_iter(None).expect("rows") {
                let row = row.expect("a row");
                check(&name, row.to_string().as_bytes());
                for (_, field) in row.get_column_iter() {
                    if let parquet::record::Field::Bytes(bytes) = field {
                        check(&name, bytes.data());
                    }
                }
            }
        }
    }
    for (id, (_, _, payload)) in records(data) {
        check(&id, &inflated(&payload));
    }
}

fn inflated(payload: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match flate2::read::MultiGzDecoder::new(payload).read_to_end(&mut plain) {
        Ok(_) => plain,
        Err(_) => payload.to_vec(),
    }
}

/// All records: by id, the kind, the session and the payload.
fn records(data: &Path) -> BTreeMap<String, (Kind, u64, Vec<u8>)> {
    let reader = LogReader::open(&data.join("log")).expect("the log opens");
    let mut merge = Merge::new(reader).with_repeat_window(RepeatWindow::OFF);
    let mut all = BTreeMap::new();
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        all.insert(record.id.to_string(), (record.kind, record.session, record.payload.to_vec()));
    }
    all
}

/// Every other record has its id and its bytes, and each of the person's is a tombstone.
#[track_caller]
fn assert_rest_is_untouched(
    before: &BTreeMap<String, (Kind, u64, Vec<u8>)>,
    after: &BTreeMap<String, (Kind, u64, Vec<u8>)>,
    session: u64,
) {
    assert!(before.keys().eq(after.keys()), "every record is in its place");
    for (id, old) in before {
        if old.1 == session {
            assert_eq!(after[id].0, Kind::Tombstone, "{id}");
        } else {
            assert_eq!(&after[id], old, "{id}");
        }
    }
}

#[track_caller]
fn erase(home: &Home, arguments: &[&str], code: i32) -> Value {
    let finished: Finished = home.takeup(&[&["erase", "--json"], arguments].concat());
    assert_eq!(finished.code, Some(code), "{finished:?}");
    finished.lines().remove(0)
}

fn place<'a>(receipt: &'a Value, name: &str) -> &'a Value {
    let places = receipt["places"].as_array().expect("places");
    places.iter().find(|place| place["place"] == name).expect("the place")
}

fn verify(home: &Home) {
    let verified = home.takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn nothing_of_a_user_is_left_beside_a_running_server_and_the_rest_is_untouched() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    let admin = server.admin.to_string();
    let session = record(&server, &home.project_key());
    let compacted = home.takeup(&["compact"]);
    assert_eq!(compacted.code, Some(0), "{compacted:?}");
    let before = records(home.data());
    let expected = before.values().filter(|record| record.1 == session).count();
    assert_eq!(expected, 7);

    let dry = erase(&home, &["--user", USER, "--dry-run", "--admin", &admin], 0);
    assert_eq!(records(home.data()), before, "a dry run changes nothing");
    let receipt = erase(&home, &["--user", USER, "--yes", "--admin", &admin], 0);
    for name in ["log", "archive"] {
        assert_eq!(place(&receipt, name)["records"], place(&dry, name)["records"], "{name}");
    }
    assert_eq!((&receipt["sessions"], &receipt["complete"]), (&Value::from(1), &Value::from(true)), "{receipt}");
    assert_eq!(receipt["session_ids"][0], session.to_string());
    assert_eq!(receipt["recent_session_ids"][0], session.to_string());
    assert_eq!(place(&receipt, "log")["records"], expected);
    assert!(!receipt.to_string().contains(USER), "the receipt does not have the user's id");

    assert_nothing_is_left(home.data(), session);
    assert_rest_is_untouched(&before, &records(home.data()), session);
    verify(&home);
    // The server goes on, and so does the archive, without what was erased.
    record(&server, &home.project_key());
    let compacted = home.takeup(&["compact", "--merge", "all"]);
    assert_eq!(compacted.code, Some(0), "{compacted:?}");
    server.stop();
    verify(&home);
}

#[test]
fn a_kill_at_any_moment_is_finished_by_the_next_run() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let home = Home::new();
    let mut killed = 0;
    for round in 0..rounds {
        let server = home.serve(&[("cores", "2")]);
        let session = record(&server, &home.project_key());
        server.kill();
        let compacted = home.takeup(&["compact"]);
        assert_eq!(compacted.code, Some(0), "{compacted:?}");
        let before = records(home.data());
        let mut command = common::takeup(home.data());
        command.args(["erase", "--user", USER, "--yes"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        // Spread over the run, differently in each round.
        std::thread::sleep(Duration::from_millis(2 + round * 7_919 % 120));
        child.kill().expect("a child can be killed");
        killed += u64::from(child.wait().expect("a child").code().is_none());
        verify(&home);
        erase(&home, &["--user", USER, "--yes"], 0);
        assert_nothing_is_left(home.data(), session);
        assert_rest_is_untouched(&before, &records(home.data()), session);
        verify(&home);
        assert!(!home.data().join("erase/pending.json").exists());
    }
    assert!(killed > 0, "some were killed before their end");
}

#[test]
fn without_a_target_or_a_word_nothing_is_erased() {
    let home = Home::new();
    let server = home.serve(&[]);
    let session = record(&server, &home.project_key());
    server.stop();
    let before = records(home.data());
    let session = session.to_string();
    for arguments in [&["erase"][..], &["erase", "--session", &session], &["erase", "--user", "", "--yes"]] {
        let finished = home.takeup(arguments);
        assert_eq!(finished.code, Some(2), "{finished:?}");
    }
    assert_eq!(records(home.data()), before);
}
