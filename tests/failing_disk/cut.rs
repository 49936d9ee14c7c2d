//! A segment that somebody else cuts while it is written: the next page raises SIGBUS.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::{Connection, Home, PATIENCE, Request, wait_for};

fn body(session: u64, number: u32) -> Vec<u8> {
    let mut body = format!("session {session} batch {number} ").into_bytes();
    body.resize(1000 + (number as usize * 131 + session as usize * 17) % 8000, b'x');
    body
}

#[test]
fn a_segment_that_is_cut_under_load_fails_and_the_process_lives() {
    let home = Home::new();
    // Only a mapping can raise it.
    let mut server = home.serve(&[("segment_bytes", "4MiB"), ("writer", "mapped")]);
    // What a sealed segment holds is out of reach.
    let mut before: Vec<Vec<u8>> = Vec::new();
    let mut client = server.connect();
    wait_for("a segment to be sealed", PATIENCE, || {
        for _ in 0..100 {
            let body = body(1, before.len() as u32);
            assert_eq!(client.exchange(Request::batch(&home.token(1), &body)).status, 200);
            before.push(body);
        }
        home.takeup(&["inspect", "--json"]).lines().iter().any(|line| line["state"] == "sealed").then_some(())
    });
    let of_state =
        |state: &str| home.takeup(&["inspect", "--json"]).lines().into_iter().find(|line| line["state"] == state);
    let sealed = of_state("sealed").expect("one is sealed")["batches"].as_u64().expect("a number") as usize;

    let cut = AtomicBool::new(false);
    let done = AtomicBool::new(false);
    let (addr, cut, done) = (server.addr, &cut, &done);
    let (victim, after) = thread::scope(|scope| {
        let clients: Vec<_> = (2..6)
            .map(|session| {
                let token = home.token(session);
                scope.spawn(move || {
                    let mut client = Connection::open(addr);
                    let mut sent = Vec::new();
                    for number in 0..100_000 {
                        if done.load(Ordering::SeqCst) {
                            break;
                        }
                        let body = body(session, number);
                        let began_behind = cut.load(Ordering::SeqCst);
                        let answer = client.exchange(Request::batch(&token, &body));
                        assert_eq!(answer.status, 200, "held, and not refused: {}", answer.text());
                        sent.push((began_behind, body));
                    }
                    sent
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(200));
        // Under load the segment that was listed may have been sealed, and renamed, by the time that it is opened.
        let victim = wait_for("a segment that is being written to be cut", PATIENCE, || {
            let victim = of_state("writing")?;
            let path = victim["path"].as_str().expect("a path");
            match OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(0)) {
                Ok(()) => Some(victim),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => panic!("{path}: {error}"),
            }
        });
        cut.store(true, Ordering::SeqCst);
        server.wait_for_line(&["a segment failed"], PATIENCE);
        server.wait_for_line(&["goes on with a new segment"], PATIENCE);
        thread::sleep(Duration::from_millis(300));
        done.store(true, Ordering::SeqCst);
        (victim, clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect::<Vec<_>>())
    });
    assert!(server.runs(), "{}", server.said());
    assert!(server.metric("takeup_log_failed_segments_total") >= 1.0);
    // Lines are printed behind what they tell: this one came once the new segment was in use.
    let new: Vec<Vec<u8>> = after.into_iter().filter(|(behind, _)| *behind).map(|(_, body)| body).collect();
    assert!(new.len() > 20, "too little came behind the cut to mean anything: {}", new.len());

    server.kill();
    let server = home.serve(&[("segment_bytes", "4MiB")]);
    let found: Vec<Vec<u8>> = home.stored().into_iter().map(|batch| batch.body).collect();
    let missing = before[..sealed].iter().filter(|body| !found.contains(body)).count();
    assert_eq!(missing, 0, "of the {sealed} in the sealed segment");
    // A record that was answered in the moment of the cut may lie in the file that was cut; what began behind it does not.
    let missing = new.iter().filter(|body| !found.contains(body)).count();
    assert_eq!(missing, 0, "of the {} that came behind the cut", new.len());
    // What is gone is said, and not only counted.
    let damaged = home.takeup(&["inspect", "--json"]).lines();
    let victim = damaged.iter().find(|line| line["segment"] == victim["segment"]);
    assert!(victim.is_none_or(|line| line["damaged_places"].as_u64() > Some(0)), "{victim:?}\n{}", server.said());
    if victim.is_none() {
        assert!(server.stdout().contains("set aside") || server.stdout().contains("is damaged"), "{}", server.said());
    }
    server.stop();
}
