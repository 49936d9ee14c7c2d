//! What stands beside log and archive: dead letters, files in quarantine, the note of an erasure that was cut off; and what the receipt says.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Home, Request};

use super::beside::check_verified;
use super::search::Traces;
use super::stored::{Stored, records};

const USER: &str = "jane.roe+7041@example.org";
const SECRET: &str = "correct-horse-battery-staple-7041";

/// A folder with a session of the person and one of others, of which the server has sealed the segment. Also the person's session.
fn home() -> (Home, u64, u64) {
    let home = Home::new();
    let server = home.serve(&[("archive", "false")]);
    let answer = server.connect().exchange(Request::start(&home.project_key()).field("userID", USER));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session = answer.json()["sessionID"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let others = 4711;
    for number in 0..5 {
        for (session, text) in [(session, SECRET), (others, "of others")] {
            let body = format!("{number} {text} ").repeat(30);
            assert_eq!(server.connect().exchange(Request::batch(&home.token(session), body)).status, 200);
        }
    }
    server.stop();
    (home, session, others)
}

fn traces(session: u64) -> Traces {
    let mut traces = Traces::of(&[USER, SECRET]);
    traces.session(session);
    traces
}

#[track_caller]
fn erase(home: &Home, arguments: &[&str]) -> Value {
    let erased = home.takeup(&[&["erase", "--yes", "--json"], arguments].concat());
    assert!(matches!(erased.code, Some(0 | 1)), "{erased:?}");
    erased.lines().remove(0)
}

fn place<'a>(receipt: &'a Value, name: &str) -> &'a Value {
    let all = receipt["places"].as_array().expect("a list");
    all.iter().find(|place| place["place"] == name).unwrap_or_else(|| panic!("{name} in {receipt}"))
}

/// A line of a file of dead letters, with a payload.
fn dead_letter(session: u64, payload: &str) -> String {
    json!({
        "time_ms": 1, "courier": "courier-redis", "trouble": "refused", "code": "", "error": "no", "id": "0/0/0/0",
        "received_us": 1, "kind": "batch", "topic": "raw", "data_type": "all", "encoding": "identity",
        "session_id": session.to_string(), "project_id": 1, "split": 0, "page": null, "number": null, "flags": 0,
        "ext_base64": "", "payload_base64": payload
    })
    .to_string()
        + "\n"
}

#[test]
fn dead_letters_lists_of_broken_batches_and_quarantine_lose_the_persons_records_and_keep_others() {
    let (home, session, others) = home();
    let data = home.data();
    let letters = data.join("dead-letters/courier-redis.ndjson");
    fs::create_dir_all(data.join("dead-letters")).expect("a folder");
    let kept = dead_letter(others, "b3RoZXJz");
    fs::write(&letters, [&*kept, &dead_letter(session, SECRET), &kept].concat()).expect("a file");
    let broken = |session: u64, fault: &str| {
        json!({"id": "0/0/0/0", "received_us": 1, "session_id": session.to_string(), "project_id": 1, "bytes": 3, "fault": fault})
            .to_string()
            + "\n"
    };
    for name in ["broken.ndjson", "broken.ndjson.1"] {
        fs::write(data.join(name), [broken(session, SECRET), broken(others, "others")].concat()).expect("a file");
    }
    // A copy of a segment, as recovery sets it aside.
    let segment = fs::read_dir(data.join("log/core-00")).expect("a folder").flatten().map(|entry| entry.path());
    let segment =
        segment.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "seg")).expect("it is sealed");
    let name = format!("core-00-{}", segment.file_name().expect("a name").display());
    let aside = data.join("log/quarantine").join(name);
    fs::create_dir_all(data.join("log/quarantine")).expect("a folder");
    fs::copy(&segment, &aside).expect("it is copied");

    let before = records(data);
    let receipt = erase(&home, &["--user", USER]);
    assert_eq!(traces(session).found(data), Vec::<String>::new());
    let left: Vec<_> = before.into_iter().filter(|(_, ((of, _), _))| *of != session).collect();
    assert_eq!(records(data).into_iter().collect::<Vec<_>>(), left);
    assert_eq!(fs::read_to_string(&letters).expect("it is there"), kept.repeat(2));
    for name in ["broken.ndjson", "broken.ndjson.1"] {
        assert_eq!(fs::read_to_string(data.join(name)).expect("it is there"), broken(others, "others"));
    }
    assert_eq!(place(&receipt, "dead-letters")["records"], 1, "{receipt}");
    assert_eq!(place(&receipt, "broken-list")["records"], 2, "{receipt}");
    assert_eq!(place(&receipt, "quarantine")["records"], 6, "a start and five batches: {receipt}");
    // In quarantine the rest is as in the segment, byte for byte.
    assert_eq!(fs::read(&aside).expect("it is there"), fs::read(&segment).expect("it is there"));
    let verified = home.takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn an_erasure_of_a_user_that_was_cut_off_is_finished_without_naming_the_user_again() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let mut resumed = 0;
    for round in 0..rounds {
        let (home, session, _) = home();
        assert_eq!(home.takeup(&["compact"]).code, Some(0));
        let before = Stored::read(home.data());
        let mut child = home.follow(&["erase", "--yes", "--json", "--user", USER]);
        let note = home.data().join("erase/pending.json");
        // Once it is noted; then at another moment in each round.
        crate::common::wait_for("the erasure to be noted, or done", crate::common::PATIENCE, || {
            (note.exists() || child.try_wait().expect("a child").is_some()).then_some(())
        });
        std::thread::sleep(std::time::Duration::from_millis(round * 7_919 % 40));
        let _ = child.kill();
        child.wait().expect("a child");
        if let Ok(text) = fs::read_to_string(&note) {
            assert!(!text.contains(USER), "{text}");
            let noted: Value = serde_json::from_str(&text).expect("JSON");
            let receipt = erase(&home, &[]);
            assert_eq!((&receipt["resumed"], &receipt["receipt"]), (&noted["receipt"], &noted["receipt"]), "{receipt}");
            assert_eq!(receipt["session_ids"], json!([session.to_string()]), "{receipt}");
            resumed += 1;
        }
        assert!(!note.exists());
        assert_eq!(traces(session).found(home.data()), Vec::<String>::new());
        before.without(|of, _| of == session).check_same(&Stored::read(home.data()));
        check_verified(&home);
    }
    assert!(resumed > 0, "some were cut off");
}

#[test]
fn a_note_of_a_project_is_finished_too_and_one_that_cannot_be_read_stops_the_next_erasure() {
    let (home, session, _) = home();
    fs::create_dir_all(home.data().join("erase")).expect("a folder");
    let note = home.data().join("erase/pending.json");
    let receipt_id = "6f2b1e5e-3c0f-4d4e-9a5c-0d6f3b1c2a10";
    fs::write(&note, r#"{"version":1,"receipt":"6f2b"#).expect("a file");
    let refused = home.takeup(&["erase", "--yes", "--session", "1"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("pending.json"), "{refused:?}");
    let noted = json!({"version": 1, "receipt": receipt_id, "sessions": [], "projects": [1]});
    fs::write(&note, noted.to_string()).expect("a file");
    let receipt = erase(&home, &[]);
    assert_eq!(receipt["resumed"], receipt_id, "{receipt}");
    assert!(!note.exists());
    assert_eq!(traces(session).found(home.data()), Vec::<String>::new());
}

#[test]
fn the_receipt_tells_who_was_meant_only_to_those_who_know_and_which_sessions_may_go_on() {
    let (home, session, _) = home();
    let dry = erase(&home, &["--dry-run", "--user", USER]);
    let receipt = erase(&home, &["--user", USER]);
    assert!(!receipt.to_string().contains(USER), "{receipt}");
    for receipt in [&dry, &receipt] {
        let id = receipt["receipt"].as_str().expect("an id");
        let hash = blake3::hash(format!("{id}:{USER}").as_bytes()).to_hex().to_string();
        assert_eq!(receipt["asked"]["users"], json!([{"blake3": hash}]), "{receipt}");
        assert_eq!(receipt["recent_session_ids"], json!([session.to_string()]), "{receipt}");
    }
    assert_eq!(place(&dry, "log"), place(&receipt, "log"), "a dry run tells the same");
    let named = erase(&home, &["--user", USER, "--name-users"]);
    assert_eq!(named["asked"]["users"][0]["user_id"], USER, "{named}");
    assert_eq!((&named["sessions"], &named["complete"]), (&0.into(), &true.into()), "{named}");
}
