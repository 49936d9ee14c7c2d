//! A process that runs out of descriptors.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::resources::raise_descriptors;
use crate::common::{Connection, Home, Request, Server, wait_for};

/// Segments that are soon full, and clients that are not held for long.
const SETTINGS: &[(&str, &str)] = &[
    ("segment_bytes", "4MiB"),
    ("window_bytes", "1MiB"),
    ("group_bytes_max", "1MiB"),
    ("beacon_size_limit", "500000"),
    ("patience", "1s"),
    ("head_timeout", "5m"),
];

fn body(number: usize) -> Vec<u8> {
    let mut body = format!("batch {number} ").into_bytes();
    body.resize(300_000, b'x');
    body
}

/// How many descriptors a server may open; gives what it could before.
fn allow(server: &Server, open_files: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(server.pid().cast_signed());
    let now = prlimit(pid, Resource::Nofile, Rlimit { current: open_files, maximum: None });
    match now {
        Ok(before) => before.current,
        // Without the right to raise the hard limit: only below it.
        Err(_) => {
            let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
            let before = prlimit(pid, Resource::Nofile, Rlimit { current: open_files, maximum });
            before.expect("the limits of a child can be set").current
        }
    }
}

#[test]
fn a_shortage_of_descriptors_is_not_a_failed_sync_and_passes_by_itself() {
    let home = Home::new();
    let mut server = home.serve(SETTINGS);
    let token = home.token(7);
    let mut client = server.connect();
    assert_eq!(client.exchange(Request::batch(&token, body(0))).status, 200);
    let made = || (server.metric("takeup_log_segments_made") >= 2.0).then_some(());
    wait_for("the next segment to be made", Duration::from_secs(20), made);
    let mut stored = 1;
    let before = allow(&server, Some(3));
    let refused = (1..100).find(|&number| match client.exchange(Request::batch(&token, body(number))).status {
        200 => {
            stored += 1;
            false
        }
        503 => true,
        status => panic!("{status}"),
    });
    assert!(refused.is_some(), "a hundred batches found room without a further segment");
    assert!(stored > 13, "the segment that was made ahead takes records without a further descriptor: {stored}");
    allow(&server, before);
    let again = Request::batch(&token, b"is there a descriptor again?");
    wait_for("batches to be taken again", Duration::from_secs(20), || {
        (client.exchange(&again).status == 200).then_some(())
    });
    assert_eq!(server.metric("takeup_log_failed_segments_total"), 0.0);
    assert_eq!(server.metric("takeup_log_lost_records_total"), 0.0);
    let ready = || (server.admin_page("/health/ready").status == 200).then_some(());
    wait_for("the server to be ready", Duration::from_secs(20), ready);
    assert!(server.runs());
    server.stop();
    let found = home.stored().iter().filter(|batch| batch.body.starts_with(b"batch ")).count();
    assert!(found >= stored, "{found} of {stored}");
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_flood_of_connections_leaves_the_log_its_descriptors() {
    raise_descriptors();
    let home = Home::new();
    let mut server = home.serve_with_descriptors(300, SETTINGS);
    let token = home.token(7);
    let half_head = |_| {
        let mut one = server.connect();
        one.send("POST /v1/web/i HTTP/1.1\r\nHost: a\r\n");
        one
    };
    // One who is never idle, so that nobody takes its place: behind each request comes the beginning of the next.
    let request = |number| Request::batch(&token, body(number)).bytes();
    let mut client = server.connect();
    client.send(&request(0)[..10]);
    // As many as are taken, and more that wait in the queue.
    let mut crowd: Vec<Connection> = Vec::new();
    for number in 0..45 {
        crowd.extend((0..9).map(half_head));
        client.send([&request(number)[10..], &request(number + 1)[..10]].concat());
        assert_eq!(client.read().status, 200, "batch {number}");
    }
    assert_eq!(server.metric("takeup_log_failed_segments_total"), 0.0);
    assert_eq!(server.metric("takeup_log_lost_records_total"), 0.0);
    assert_eq!(server.metric("takeup_accept_errors_total"), 0.0);
    assert_eq!(server.admin_page("/health/ready").status, 200);
    assert!(server.runs());
    drop(crowd);
    server.stop();
    assert_eq!(home.stored().len(), 45);
}
