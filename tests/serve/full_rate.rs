//! A server that takes all that it is given, with everybody following its log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::{Connection, Home, PATIENCE, Request, Server, wait_for};

const CLIENTS: u64 = 8;

/// Sends until this many segments were made.
const SEGMENTS: f64 = 12.0;

/// Keeps clients sending while `until` is not reached.
fn at_full_rate(home: &Home, server: &Server, until: impl Fn() -> bool) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (addr, token, is_done) = (server.addr, home.token(client + 1), &is_done);
            scope.spawn(move || {
                let mut connection = Connection::open(addr);
                for number in 0_u64.. {
                    if is_done.load(Ordering::SeqCst) {
                        return;
                    }
                    // No two are the same, or couriers would leave them out.
                    let mut body = format!("{client} {number} ").into_bytes();
                    body.resize(1_000 + (number as usize * 7_919) % 30_000, b'x');
                    let answer = connection.exchange(Request::batch(&token, body));
                    assert_eq!(answer.status, 200, "{}", answer.text());
                }
            });
        }
        wait_for("the segments to be made", 4 * PATIENCE, || until().then_some(()));
        is_done.store(true, Ordering::SeqCst);
    });
}

fn nobody_waits_for_a_timer(ack: &str, writer: &str, format_ahead: &str) {
    let home = Home::new();
    let folders = tempfile::tempdir().expect("a folder");
    let (records, segments) = (folders.path().join("records"), folders.path().join("segments"));
    std::fs::create_dir(&segments).expect("a folder");
    let (records, segments) = (records.display().to_string(), format!("file://{}", segments.display()));
    let mut settings = vec![
        ("ack", ack),
        ("writer", writer),
        ("format_ahead", format_ahead),
        ("retain_bytes", "32MiB"),
        ("file_path", &*records),
        ("segments_url", &*segments),
    ];
    if cfg!(feature = "archive") {
        settings.push(("archive", "true"));
    }
    let server = home.serve(&settings);
    // From here on the list of sessions follows the log, too.
    let host = server.admin.to_string();
    let list = Request::get("/api/sessions").set("Host", &host).header("Connection", "close");
    assert_eq!(Connection::open(server.admin).exchange(list).status, 200);
    at_full_rate(&home, &server, || server.metric("takeup_log_segments_made") >= SEGMENTS);
    assert_eq!(server.metric("takeup_log_late_wakes_total"), 0.0, "{}", server.said());
    assert_eq!(server.metric("takeup_log_failures_total"), 0.0, "{}", server.said());
    // The archive has a budget, and segments are copied when they are sealed: these two come later.
    wait_for("the records to be in the files", 4 * PATIENCE, || {
        let couriers = server.admin_page("/couriers").json();
        let couriers = couriers.as_array().expect("a list");
        let file = couriers.iter().find(|one| one["name"] == "courier-file").expect("it is configured");
        (file["lag"]["bytes"] == 0).then_some(())
    });
    server.stop();
}

#[test]
fn over_ten_segments_with_all_who_follow_no_directly_written_group_waits_for_a_timer() {
    nobody_waits_for_a_timer("disk", "direct", "true");
}

#[test]
fn over_ten_segments_with_all_who_follow_no_mapped_group_waits_for_a_timer() {
    nobody_waits_for_a_timer("disk", "mapped", "true");
    nobody_waits_for_a_timer("disk", "mapped", "false");
}

#[test]
fn over_ten_segments_with_all_who_follow_no_group_answered_from_memory_waits_for_a_timer() {
    nobody_waits_for_a_timer("memory", "direct", "true");
    nobody_waits_for_a_timer("memory", "mapped", "true");
}
