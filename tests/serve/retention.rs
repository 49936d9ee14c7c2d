//! What is deleted, and what never is: by a server that starts slowly, and after a clock that was wrong.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::{Home, PATIENCE, Request, Server, wait_for};

use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;

/// Serves so often, a session each time: each leaves a sealed segment, and the newest of a log always stays.
fn leave_segments(home: &Home, count: usize) -> Vec<PathBuf> {
    for _ in 0..count {
        let server = home.serve(&[]);
        server.start_session(&home.project_key());
        server.stop();
    }
    segments(home)
}

fn segments(home: &Home) -> Vec<PathBuf> {
    let files = fs::read_dir(home.data().join("log/core-00")).expect("a core's folder");
    let mut found: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    found.sort();
    found
}

fn deleted(server: &Server) -> f64 {
    server.metric("takeup_log_deleted_segments_total")
}

#[test]
fn a_start_that_takes_its_time_deletes_nothing_that_a_project_keeps() {
    let home = Home::new();
    let before = leave_segments(&home, 3);
    let projects = fs::read_to_string(home.data().join("projects.toml")).expect("projects");
    let key = home.project_key();
    home.write("projects.toml", &projects.replace(&format!("\"{key}\""), &format!("\"{key}\"\nretain_days = 0")));
    // An endpoint of metadata that answers for three seconds keeps the start waiting, with the log open.
    let slow = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("http://{}/", slow.local_addr().expect("an address"));
    let answer = thread::spawn(move || {
        let (mut stream, _) = slow.accept().expect("the server asks");
        for byte in b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n" {
            thread::sleep(Duration::from_millis(70));
            let _ = stream.write_all(&[*byte]);
        }
    });
    let server = home.serve(&[("retain_age", "1s"), ("ecs_container_metadata_uri", &uri)]);
    answer.join().expect("the endpoint was asked");
    // A look that could delete has been made.
    wait_for("a look", PATIENCE, || (server.metric("takeup_log_size_bytes") > 0.0).then_some(()));
    assert_eq!(deleted(&server), 0.0);
    server.stop();
    assert!(before.iter().all(|path| path.exists()), "segments of a project that keeps them for ever are gone");
}

/// Dates every record of a sealed segment anew, as a server whose clock was wrong would have.
fn redate(segment: &PathBuf, order_us: u64) {
    let mut bytes = fs::read(segment).expect("a segment");
    let marker: [u8; 8] = bytes[40..48].try_into().expect("a marker");
    for at in (4096..bytes.len()).step_by(64) {
        if bytes[at..at + 8] == marker {
            bytes[at + 24..at + 32].copy_from_slice(&order_us.to_le_bytes());
            bytes[at + 8..at + 12].fill(0);
            let sum = crc32c::crc32c(&bytes[at..at + 64]);
            bytes[at + 8..at + 12].copy_from_slice(&sum.to_le_bytes());
        }
    }
    fs::write(segment, bytes).expect("the segment can be written");
    fs::remove_file(segment.with_extension("json")).expect("a sidecar");
}

#[test]
fn a_log_with_a_record_of_2060_is_served_and_deleted_by_todays_clock() {
    let home = Home::new();
    let dated = leave_segments(&home, 1);
    let in_2060 = 2_840_000_000_000_000;
    redate(&dated[0], in_2060);
    let server = home.serve(&[]);
    let before_ms = now_ms();
    let answer = server.connect().exchange(Request::start(&home.project_key()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let started_ms = answer.json()["startTimestamp"].as_u64().expect("a time");
    assert!((before_ms..before_ms + 60_000).contains(&started_ms), "{started_ms} at {before_ms}");
    server.stop();
    // The order of the log holds: segments increase, and so do records.
    let after = leave_segments(&home, 1);
    let mut merge = Merge::new(LogReader::open(&home.data().join("log")).expect("a log"));
    let mut times = Vec::new();
    while let Some(record) = merge.next_settled().expect("a sound log") {
        times.push(record.order_us);
    }
    assert!(times.len() == 3 && times.is_sorted() && times[0] == in_2060, "{times:?}");
    assert!(after.len() == 3 && after[0] == dated[0] && after[1] < after[2]);
    // What was received today under a date of 2060 goes by its age of today.
    let server = home.serve(&[("retain_age", "1s")]);
    wait_for("the age", PATIENCE, || (!after[1].exists()).then_some(()));
    server.stop();
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as u64
}
