//! Sessions of before, in a server's first moments.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::common::{Home, Request};

/// The projects of all batches that end so, as they are stored: `replay` would join them to their sessions.
fn stored_projects(home: &Home, bytes: u64) -> Vec<u64> {
    let finished = home.takeup(&["inspect", "--records", "--json"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let batches = finished.lines().into_iter().filter(|line| line["kind"] == "batch" && line["bytes"] == bytes);
    batches.map(|line| line["project_id"].as_u64().expect("a number")).collect()
}

#[test]
fn one_unexpected_file_makes_no_session_forgotten() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = server.start_session(&home.project_key());
    server.stop();
    // Both sort behind what is there, and before what comes.
    let core = home.data().join("log/core-00");
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_micros();
    fs::write(core.join(format!("{now_us:020}.seg")), vec![7; 10_000]).expect("the folder takes files");
    fs::create_dir(core.join(format!("{:020}.seg", now_us + 1))).expect("the folder takes folders");
    let server = home.serve(&[]);
    assert_eq!(server.connect().exchange(Request::batch(&token, b"a body")).status, 200);
    drop(server);
    assert_eq!(stored_projects(&home, 6), [1]);
}

#[test]
fn a_session_of_before_is_known_to_its_first_request_after_a_start() {
    let home = Home::new();
    let server = home.serve(&[]);
    let mut client = server.connect();
    let other = server.start_session(&home.project_key());
    let start = || server.start_session(&home.project_key());
    // Enough to read that the session's start, which stands behind it, is not found at once.
    for _ in 0..40 {
        assert_eq!(client.exchange(Request::batch(&other, vec![b'x'; 900_000])).status, 200);
    }
    let tokens = [start(), start(), start()];
    server.kill();
    for token in tokens {
        let server = home.serve(&[]);
        assert_eq!(server.connect().exchange(Request::batch(&token, b"a body")).status, 200);
        server.kill();
    }
    assert_eq!(stored_projects(&home, 6), [1, 1, 1]);
}
