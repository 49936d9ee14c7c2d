//! Syncs that fail or take long.

use std::thread;
use std::time::{Duration, Instant};

use super::faults::Call;
use super::faulty::FaultyDisk;
use crate::common::{Connection, Home, PATIENCE, Request, Server, wait_for};
use crate::{stored_once, verify};

fn body(client: u64, number: usize) -> Vec<u8> {
    let mut body = format!("client {client} batch {number} ").into_bytes();
    body.resize(500 + number * 97 % 3000, b'x');
    body
}

/// Waits until the segment in use and the one behind it are made, so that the next sync is that of a group.
pub fn wait_until_idle(server: &Server) {
    wait_for("the segments to be made", PATIENCE, || (server.metric("takeup_log_segments_made") == 2.0).then_some(()));
    // The second is counted a moment before it is ready.
    thread::sleep(Duration::from_millis(100));
}

#[test]
fn a_failed_sync_costs_a_segment_and_no_answer() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(&[("format_ahead", "false")]);
    let mut client = server.connect();
    let mut bodies = Vec::new();
    for number in 0..20 {
        if number == 10 {
            wait_until_idle(&server);
            disk.faults().fail(Call::Sync, "core-00", libc::EIO, 1);
        }
        let body = body(1, number);
        let answer = client.exchange(Request::batch(&home.token(1), &body));
        assert_eq!(answer.status, 200, "{}", answer.text());
        bodies.push(body);
    }
    assert_eq!(disk.faults().hits(), 1, "the sync that was to fail has failed");
    let line = server.wait_for_line(&["a segment failed"], PATIENCE);
    for text in ["\"level\":\"warn\"", "\"core\":\"0\"", ".open", "a sync failed"] {
        assert!(line.contains(text), "{text}: {line}");
    }
    server.wait_for_line(&["goes on with a new segment"], PATIENCE);
    assert_eq!(server.metric("takeup_log_failures_total{cause=\"sync\"}"), 1.0);
    assert_eq!(server.metric("takeup_log_core_state{core=\"0\",state=\"open\"}"), 1.0);
    assert_eq!(server.admin_page("/health/ready").status, 200);
    stored_once(&home, &bodies);
    server.stop();
    stored_once(&home, &bodies);
    verify(&home);
}

#[test]
fn pages_that_can_not_be_written_back_fail_the_sync_that_follows() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(&[("format_ahead", "false")]);
    let mut client = server.connect();
    let first = body(1, 0);
    assert_eq!(client.exchange(Request::batch(&home.token(1), &first)).status, 200);
    wait_until_idle(&server);
    disk.faults().fail(Call::Write, "core-00", libc::EIO, 1);
    let second = body(1, 1);
    let answer = client.exchange(Request::batch(&home.token(1), &second));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(disk.faults().hits(), 1);
    assert_eq!(server.metric("takeup_log_failed_segments_total"), 1.0);
    server.stop();
    stored_once(&home, &[first, second]);
}

#[test]
fn what_was_answered_from_memory_survives_a_failed_sync() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(&[("ack", "memory"), ("sync_interval", "100ms")]);
    let mut client = server.connect();
    let bodies: Vec<Vec<u8>> = (0..200).map(|number| body(1, number)).collect();
    for (number, body) in bodies.iter().enumerate() {
        if number == 50 {
            wait_until_idle(&server);
            disk.faults().fail(Call::Sync, "core-00", libc::EIO, 1);
        }
        assert_eq!(client.exchange(Request::batch(&home.token(1), body)).status, 200);
    }
    wait_for("the sync that is to fail", PATIENCE, || (disk.faults().hits() == 1).then_some(()));
    wait_for("everything to be durable", PATIENCE, || (home.stored().len() == bodies.len()).then_some(()));
    assert!(server.metric("takeup_log_restored_records_total") > 0.0);
    assert_eq!(server.metric("takeup_log_lost_records_total"), server.metric("takeup_log_restored_records_total"));
    stored_once(&home, &bodies);
    server.stop();
    stored_once(&home, &bodies);
}

#[test]
fn a_slow_disk_is_borne_with_patience_and_reported() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(&[("inflight_bytes_max", "16MiB")]);
    assert_eq!(server.connect().exchange(Request::batch(&home.token(9), body(9, 0))).status, 200);
    let before = server.metric("process_resident_memory_bytes");
    disk.faults().delay(Call::Sync, "", Duration::from_millis(500));
    let end = Instant::now() + Duration::from_secs(4);
    let addr = server.addr;
    let mut bodies = vec![body(9, 0)];
    thread::scope(|scope| {
        let clients: Vec<_> = (10..42)
            .map(|session| {
                let token = home.token(session);
                scope.spawn(move || {
                    let mut client = Connection::open(addr);
                    let mut sent = Vec::new();
                    for number in 0.. {
                        if Instant::now() > end {
                            break;
                        }
                        let body = body(session, number);
                        let answer = client.exchange(Request::batch(&token, &body));
                        assert_eq!(answer.status, 200, "{}", answer.text());
                        sent.push(body);
                    }
                    sent
                })
            })
            .collect();
        clients.into_iter().for_each(|client| bodies.extend(client.join().expect("no panic")));
    });
    assert!(server.metric("takeup_log_slow_syncs_total") >= 4.0);
    let line = server.wait_for_line(&["the disk is slow"], PATIENCE);
    assert!(line.contains("\"level\":\"warn\"") && line.contains("took_ms"), "{line}");
    let lines = server.stdout().lines().filter(|line| line.contains("the disk is slow")).count();
    assert_eq!(lines, 1, "once a minute is enough");
    let grown = server.metric("process_resident_memory_bytes") - before;
    assert!(grown < 32e6, "the memory has grown by {grown} bytes");
    assert_eq!(server.metric("takeup_log_failed_segments_total"), 0.0);
    disk.faults().clear();
    assert_eq!(server.connect().exchange(Request::batch(&home.token(9), body(9, 1))).status, 200);
    bodies.push(body(9, 1));
    server.stop();
    stored_once(&home, &bodies);
}
