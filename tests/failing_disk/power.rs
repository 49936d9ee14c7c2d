//! A file system that is cut off in mid run: from then on every sync fails, for good.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{Connection, Disk, Home, PATIENCE, Request, wait_for};
use crate::verify;

const SETTINGS: &[(&str, &str)] =
    &[("cores", "2"), ("segment_bytes", "4MiB"), ("reserve_bytes", "1MiB"), ("patience", "1s")];

fn body(session: u64, number: u32) -> Vec<u8> {
    let mut body = format!("session {session} batch {number} ").into_bytes();
    body.resize(300 + (number as usize * 131 + session as usize * 17) % 4000, b'x');
    body
}

#[test]
fn a_disk_that_is_cut_off_costs_503s_and_no_acknowledged_batch() {
    let Some(disk) = Disk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let mut server = home.serve(SETTINGS);
    let acknowledged = Mutex::new(Vec::new());
    let tokens: Vec<(u64, String)> = (1..=8).map(|session| (session, home.token(session))).collect();
    let start = Request::start(&home.project_key());
    let addr = server.addr;
    thread::scope(|scope| {
        for (session, token) in &tokens {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                let mut client = Connection::open(addr);
                let mut refused = 0;
                for number in 0..20_000 {
                    let body = body(*session, number);
                    let began = Instant::now();
                    let answer = client.exchange(Request::batch(token, &body));
                    assert!(began.elapsed() < Duration::from_secs(6), "{:?}: {}", began.elapsed(), answer.text());
                    match answer.status {
                        200 => acknowledged.lock().expect("no panic").push(body),
                        503 => {
                            assert!(answer.json()["error"].as_str().is_some_and(|error| error.contains("try again")));
                            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{}", answer.text());
                            refused += 1;
                        }
                        _ => panic!("{}", answer.text()),
                    }
                    if refused == 2 {
                        return;
                    }
                }
                panic!("never refused");
            });
        }
        wait_for("some batches to be stored", PATIENCE, || {
            (acknowledged.lock().expect("no panic").len() > 200).then_some(())
        });
        disk.cut();
    });
    assert!(server.runs(), "{}", server.said());
    assert_eq!(server.admin_page("/health/live").status, 200);
    let ready = server.admin_page("/health/ready");
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert_eq!(server.connect().exchange(start).status, 503);
    assert!(server.metric("takeup_log_failed_segments_total") >= 2.0);
    server.signal(Signal::TERM);
    server.wait(PATIENCE);

    disk.mount_again();
    let server = home.serve(SETTINGS);
    let found: Vec<Vec<u8>> = home.stored().into_iter().map(|batch| batch.body).collect();
    let acknowledged = acknowledged.into_inner().expect("no panic");
    let missing = acknowledged.iter().filter(|body| !found.contains(body)).count();
    assert_eq!((missing, acknowledged.len()), (0, acknowledged.len()), "missing, of the acknowledged ones");
    assert_eq!(server.connect().exchange(Request::batch(&home.token(9), b"it goes on")).status, 200);
    server.stop();
    verify(&home);
}
