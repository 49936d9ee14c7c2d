//! Who reads a log beside a server that starts, stops, writes or deletes, and who copies it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Home, Request, Server};

const SMALL: [(&str, &str); 2] = [("segment_bytes", "4MiB"), ("cores", "2")];

/// Sends batches over as many connections, each with the number `from` on in its body, and counts those that were answered.
fn send(server: &Server, token: &str, numbers: std::ops::Range<usize>, bytes: usize, stored: &AtomicUsize) {
    let mut client = server.connect();
    for number in numbers {
        let body = format!("{number:08}").repeat(bytes / 8);
        if client.try_send(Request::batch(token, body.as_bytes())).is_err() {
            return;
        }
        match client.try_read() {
            Ok(answer) if answer.status == 200 => stored.fetch_add(1, Ordering::SeqCst),
            _ => return,
        };
    }
}

/// What a reader shows: batches, or a refusal that says why.
#[track_caller]
fn shows_at_least(home: &Home, stored: usize) {
    let finished = home.takeup(&["replay", "--to", "-", "--with-repeats"]);
    let shown = finished.stdout.lines().count();
    let refused = finished.code == Some(1) && finished.stderr.contains("can't be told");
    assert!(refused || finished.code == Some(0), "{:?}: {}", finished.code, finished.stderr);
    assert!(refused || shown >= stored, "{shown} of {stored}: {}", finished.stderr);
    let finished = home.takeup(&["sessions", "--json"]);
    let refused = finished.code == Some(1) && finished.stderr.contains("can't be told");
    assert!(refused || finished.stdout.lines().count() >= 1, "{:?}: {}", finished.code, finished.stderr);
}

#[test]
fn a_reader_beside_starts_kills_and_stops_shows_what_was_durable_before() {
    let home = Home::new();
    let stored = AtomicUsize::new(0);
    let mut server = home.serve(&SMALL);
    let token = home.token(7);
    for round in 0..6 {
        send(&server, &token, round * 100..round * 100 + 40, 4_000, &stored);
        let durable = stored.load(Ordering::SeqCst);
        let (over, data) = (AtomicBool::new(false), home.data());
        server = thread::scope(|scope| {
            scope.spawn(|| {
                let reader = Home::with_data(data);
                while !over.load(Ordering::SeqCst) {
                    shows_at_least(&reader, durable);
                }
            });
            if round % 2 == 0 {
                server.kill()
            } else {
                server.stop()
            }
            let next = home.serve(&SMALL);
            over.store(true, Ordering::SeqCst);
            next
        });
    }
    shows_at_least(&home, stored.load(Ordering::SeqCst));
    assert_eq!(stored.load(Ordering::SeqCst), 240);
}

fn copy(from: &Path, to: &Path) {
    // As an operator does it: once more where a file went away meanwhile.
    for _ in 0..20 {
        let _ = fs::remove_dir_all(to);
        if Command::new("cp").arg("-a").arg(from).arg(to).output().expect("cp runs").status.success() {
            return;
        }
    }
    panic!("no copy in 20 attempts");
}

#[test]
fn a_copy_of_the_folder_that_was_made_while_the_server_ran_holds_what_was_durable_before() {
    for writer in ["mapped", "direct"] {
        let home = Home::new();
        let server = home.serve(&[("writer", writer), SMALL[0], SMALL[1]]);
        let (token, stored, over) = (home.token(7), AtomicUsize::new(0), AtomicBool::new(false));
        let copies = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let made: Vec<usize> = thread::scope(|scope| {
            let (server, token, stored, over) = (&server, &token, &stored, &over);
            for sender in 0..4 {
                scope.spawn(move || {
                    let mut number = sender * 10_000_000;
                    while !over.load(Ordering::SeqCst) {
                        send(server, token, number..number + 20, 3_000, stored);
                        number += 20;
                    }
                });
            }
            let made = (0..8).map(|number| {
                // Each when more was stored, so that they are of different moments.
                let (before, deadline) = (stored.load(Ordering::SeqCst), Instant::now() + Duration::from_secs(20));
                while stored.load(Ordering::SeqCst) < before + 100 && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(1));
                }
                let durable = stored.load(Ordering::SeqCst);
                copy(home.data(), &copies.path().join(number.to_string()));
                durable
            });
            let made = made.collect();
            over.store(true, Ordering::SeqCst);
            made
        });
        for (number, durable) in made.into_iter().enumerate() {
            let copied = Home::with_data(&copies.path().join(number.to_string()));
            let verified = copied.takeup(&["verify"]);
            assert_eq!(verified.code, Some(0), "{writer}, copy {number}: {}", verified.stdout);
            assert!(copied.stored().len() >= durable, "{writer}, copy {number}: less than {durable} are in it");
            if number % 4 == 0 {
                // A server that starts on it keeps that, and finds no damage either.
                copied.serve(&SMALL).stop();
                let verified = copied.takeup(&["verify"]);
                assert_eq!(verified.code, Some(0), "{writer}, copy {number}, started: {}", verified.stdout);
                assert!(copied.stored().len() >= durable, "{writer}, copy {number}: started");
            }
        }
        server.stop();
    }
}

#[test]
fn a_stranger_in_the_log_is_told_once_and_ends_no_command() {
    let home = Home::new();
    let server = home.serve(&SMALL);
    let stored = AtomicUsize::new(0);
    send(&server, &home.token(7), 0..10, 800, &stored);
    server.stop();
    let folder = home.data().join("log/core-00/00099999999999999999.seg");
    fs::create_dir(&folder).expect("a folder");
    let shown = folder.display().to_string();
    for command in [
        &["replay", "--to", "-"][..],
        &["sessions"],
        &["events", "7"],
        &["inspect"],
        &["inspect", "--records"],
        &["verify"],
        &["recordings"],
        &["consumers"],
    ] {
        let finished = home.takeup(command);
        assert_eq!(finished.code, Some(0), "{command:?}: {}", finished.stderr);
        assert_eq!(finished.stderr.matches(&shown).count(), 1, "{command:?}: {}", finished.stderr);
    }
    assert_eq!(home.stored().len(), 10);
    // The next start takes it out of the way.
    home.serve(&SMALL).stop();
    assert!(!folder.exists());
    assert_eq!(home.stored().len(), 10);
}
