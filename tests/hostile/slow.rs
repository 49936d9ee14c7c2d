//! Clients that are slow with their head, with their body, or with reading what they are told.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Connection, wait_for};

use super::probe::Siege;
use super::routes::{Body, DOORS, FORM};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn slow_heads_and_slow_bodies_end_in_time_on_every_route() {
    let siege = Siege::begin(&[("head_timeout", "500ms"), ("body_grace", "500ms")]);
    let token = siege.token.clone();
    let mut waiting: Vec<(String, Connection)> = Vec::new();
    for door in DOORS {
        let request = door.form_head(&token);
        let head = request.clone().length(100).bytes();
        for part in [1, head.len() / 2, head.len() - 1] {
            let mut client = siege.server().connect();
            client.send(&head[..part]);
            waiting.push((format!("{} with {part} bytes of its head", door.path), client));
        }
        for start in ["", "--x\r\nContent-Disposition: form-data; name=\"a\"", "{\"projectKey\":"] {
            let mut client = siege.server().connect();
            client.send(request.clone().length(100).then(start));
            waiting.push((format!("{} with {} bytes of its body", door.path, start.len()), client));
        }
        let mut client = siege.server().connect();
        client.send(request.chunked().then("5\r\n{\"a\""));
        waiting.push((format!("{} with a piece of a chunk", door.path), client));
    }
    let began = Instant::now();
    for (what, mut client) in waiting {
        let answer = client.read();
        // A refusal that needs no body need not wait for it.
        assert!(
            [200, 401, 403, 404, 408, 415].contains(&answer.status) && answer.closes(),
            "{what}: {}",
            answer.text()
        );
        client.expect_end(SOON);
    }
    assert!(began.elapsed() < 2 * SOON, "{:?}", began.elapsed());
    siege.end();
}

#[test]
fn dripping_bodies_hold_nobody_up() {
    let siege = Siege::begin(&[("body_grace", "500ms")]);
    let token = siege.token.clone();
    let doors: Vec<_> = DOORS.iter().filter(|door| door.body != Body::None).collect();
    let mut clients: Vec<Connection> = Vec::new();
    for door in &doors {
        for _ in 0..5 {
            let mut client = siege.server().connect();
            client.send(door.form_head(&token).length(90_000));
            clients.push(client);
        }
    }
    // One byte in 50 ms is far below the rate that is asked for.
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        for client in &mut clients {
            let _ = client.try_send(b"x");
        }
        thread::sleep(Duration::from_millis(50));
    }
    for mut client in clients {
        if let Ok(answer) = client.try_read() {
            assert!(answer.status >= 400 && answer.status != 500, "{}", answer.text());
        }
    }
    siege.end();
}

#[test]
fn who_does_not_read_is_not_served_on() {
    let siege = Siege::begin(&[("ack", "memory")]);
    let token = siege.token.clone();
    let before = siege.anonymous_kb();
    let mut senders = Vec::new();
    for door in DOORS.iter().filter(|door| door.method == "GET") {
        let client = siege.server().connect();
        let stream = client.sender();
        let requests = door.request(&token, &[], b"").bytes().repeat(50);
        senders.push(client);
        thread::spawn(move || {
            // Until the server takes no more: its answers fill the way back.
            let mut stream = stream;
            stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a socket");
            for _ in 0..2_000 {
                if std::io::Write::write_all(&mut stream, &requests).is_err() {
                    break;
                }
            }
        });
    }
    thread::sleep(Duration::from_secs(4));
    let after = siege.anonymous_kb();
    assert!(after < before + 48 * 1024, "{before} kB became {after} kB");
    drop(senders);
    let open = || siege.server().metric("takeup_connections_open");
    wait_for("the connections to be gone", SOON, || (open() <= 1.0).then_some(()));
    siege.end();
}

#[test]
fn clients_that_leave_in_the_middle_leave_nothing() {
    let siege = Siege::begin(&[]);
    let token = siege.token.clone();
    for door in DOORS {
        let body = vec![b'x'; 50_000];
        let whole = door.request(&token, &[FORM], &body).bytes();
        for share in [1, 3, 5, 7, 10] {
            for _ in 0..4 {
                let mut client = siege.server().connect();
                let _ = client.try_send(&whole[..whole.len() * share / 10]);
            }
        }
    }
    let open = || siege.server().metric("takeup_connections_open");
    wait_for("the connections to be gone", SOON, || (open() <= 1.0).then_some(()));
    let held = || siege.server().metric("takeup_buffer_bytes");
    wait_for("the buffers to be given back", SOON, || (held() < 100_000.0).then_some(()));
    siege.end();
}
