//! The start and the end of a server.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{Connection, Home, PATIENCE, Request, Server, wait_for};

const ROOT: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

/// A client that has sent the first half of this batch, which the server has read.
fn half_sent(server: &Server, token: &str, body: &str) -> (Connection, String) {
    let mut client = server.connect();
    let (first, rest) = body.split_at(body.len() / 2);
    client.send(Request::batch_head(token, body.len()).then(first));
    thread::sleep(Duration::from_millis(200));
    (client, rest.to_owned())
}

fn wait_until_it_refuses_connections(addr: SocketAddr) {
    wait_for("the listener to be closed", Duration::from_secs(5), || TcpStream::connect(addr).err());
}

#[test]
fn a_first_start_is_soon_there_with_everything_it_needs() {
    let home = Home::new();
    let server = home.serve_plain(&[("insist_file_system", "true")]);
    let mut client = server.connect();
    assert_eq!(client.exchange(ROOT).status, 200);
    assert_eq!(client.exchange(Request::batch(&home.token(7), b"a body")).status, 200);
    let took = server.began().elapsed();
    assert!(took < Duration::from_secs(5), "{took:?} from the start of the process to a stored batch");

    let said = server.stderr();
    for text in [&*home.project_key(), &server.addr.to_string(), &server.admin.to_string(), "@openreplay/tracker"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = home.data().join(name);
        path.metadata().expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("secrets/token")), (0o700, 0o600));
    let ready = server.admin_page("/health/ready");
    assert_eq!(ready.status, 200, "{}", ready.text());
}

#[test]
fn a_second_start_keeps_what_the_first_one_made() {
    let home = Home::new();
    let server = home.serve(&[]);
    let (key, token) = (home.project_key(), server.start_session(&home.project_key()));
    server.stop();
    let server = home.serve(&[]);
    assert_eq!(home.project_key(), key);
    assert_eq!(server.connect().exchange(Request::batch(&token, b"a body")).status, 200);
    server.kill();
    let server = home.serve(&[]);
    assert_eq!(server.connect().exchange(Request::batch(&token, b"another")).status, 200);
    let bodies: Vec<_> = home.stored().into_iter().map(|batch| batch.body).collect();
    assert_eq!(bodies, [b"a body".to_vec(), b"another".to_vec()]);
}

#[test]
fn a_second_server_does_not_take_the_port() {
    let (home, other) = (Home::new(), Home::new());
    let server = home.serve(&[("cores", "2")]);
    let addr = server.addr.to_string();
    let finished = other.serve_in_vain(&["--listen", &addr]);
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(finished.stderr.contains(&addr) && finished.stderr.contains("--listen"), "{}", finished.stderr);
    for _ in 0..20 {
        assert_eq!(server.connect().exchange(ROOT).status, 200);
    }
    // A port of any other program is no better.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("is bound").to_string();
    let finished = other.serve_in_vain(&["--listen", &addr]);
    assert!(finished.code.is_some_and(|code| code != 0) && finished.stderr.contains(&addr), "{finished:?}");
}

#[test]
fn a_second_server_does_not_take_the_data_folder() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    let finished = home.serve_in_vain(&["--listen", "127.0.0.1:0"]);
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    let folder = home.data().display().to_string();
    assert!(finished.stderr.contains(&folder) && finished.stderr.contains("locked by"), "{}", finished.stderr);
    assert!(server.runs());
    assert_eq!(server.connect().exchange(Request::batch(&home.token(7), b"a body")).status, 200);
    assert_eq!(home.stored().len(), 1);
}

#[test]
fn a_taken_admin_port_is_an_error_that_names_it() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("is bound").to_string();
    let finished = home.serve_in_vain(&["--listen", "127.0.0.1:0", "--admin", &addr]);
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(finished.stderr.contains(&addr) && finished.stderr.contains("--admin"), "{}", finished.stderr);
}

#[test]
fn after_sigterm_what_has_begun_is_finished_and_what_waits_is_served() {
    let home = Home::new();
    let mut server = home.serve(&[("connections_max", "1"), ("patience", "3s"), ("drain_timeout", "20s")]);
    let (mut busy, rest) = half_sent(&server, &home.token(1), "a body in two halves");
    // The core has one place, which is taken. Once it stops nobody else will come, so these need not wait for it.
    let mut waiting: Vec<Connection> = (2..=5)
        .map(|session| {
            let mut client = server.connect();
            client.send(Request::batch(&home.token(session), b"from the queue"));
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(100));
    server.signal(Signal::TERM);
    for client in &mut waiting {
        let answer = client.read();
        assert_eq!((answer.status, answer.closes()), (200, true), "{}", answer.text());
        client.expect_end(PATIENCE);
    }
    wait_until_it_refuses_connections(server.addr);
    assert!(server.runs(), "the half request is still to be finished");
    busy.send(rest);
    let answer = busy.read();
    assert_eq!((answer.status, answer.closes()), (200, true), "{}", answer.text());
    busy.expect_end(PATIENCE);
    let status = server.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", server.said());

    let mut stored: Vec<_> = home.stored().into_iter().map(|batch| (batch.session, batch.body)).collect();
    stored.sort();
    let mut expected = vec![(1, b"a body in two halves".to_vec())];
    expected.extend((2..=5).map(|session| (session, b"from the queue".to_vec())));
    assert_eq!(stored, expected);
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_request_on_its_way_over_a_connection_that_was_long_idle_is_answered_at_a_stop() {
    let home = Home::new();
    let mut server = home.serve(&[("drain_timeout", "20s"), ("cores", "1")]);
    let mut kept: Vec<Connection> = (0..10).map(|_| server.connect()).collect();
    for client in &mut kept {
        assert_eq!(client.exchange(ROOT).status, 200);
    }
    // Idle for longer than any grace that counts from the last answer.
    thread::sleep(Duration::from_millis(1_200));
    let token = home.token(1);
    let (mut busy, rest) = half_sent(&server, &token, "a body in two halves");
    server.signal(Signal::TERM);
    wait_until_it_refuses_connections(server.addr);
    // As a proxy does that has not heard of the stop: over connections that it has kept, and one request behind the other.
    thread::sleep(Duration::from_millis(200));
    for client in &mut kept {
        client.send(Request::batch(&token, b"on its way"));
    }
    for client in &mut kept {
        let answer = client.read();
        assert_eq!((answer.status, answer.closes()), (200, true), "{}", answer.text());
        client.expect_end(PATIENCE);
    }
    let next = Request::batch(&token, b"behind it").bytes();
    busy.send([rest.as_bytes(), &next, &next].concat());
    for closes in [false, false, true] {
        let answer = busy.read();
        assert_eq!((answer.status, answer.closes()), (200, closes), "{}", answer.text());
    }
    busy.expect_end(PATIENCE);
    assert!(server.wait(PATIENCE).success(), "{}", server.said());
    assert_eq!(home.stored().len(), 13);
}

#[test]
fn connections_that_nobody_has_accepted_yet_are_served_before_the_end() {
    for runtime in ["auto", "legacy"] {
        let home = Home::new();
        let mut server = home.serve(&[("runtime", runtime), ("cores", "2"), ("drain_timeout", "20s")]);
        // While the process stands still, the kernel takes connections for it.
        server.signal(Signal::STOP);
        let mut waiting: Vec<Connection> = (1..=100)
            .map(|session| {
                let mut client = server.connect();
                client.send(Request::batch(&home.token(session), b"from the queue"));
                client
            })
            .collect();
        server.signal(Signal::TERM);
        server.signal(Signal::CONT);
        for client in &mut waiting {
            let answer = client.read();
            assert_eq!(answer.status, 200, "{runtime}: {}", answer.text());
            client.expect_end(PATIENCE);
        }
        assert!(server.wait(PATIENCE).success(), "{runtime}: {}", server.said());
        assert_eq!(home.stored().len(), 100, "{runtime}");
    }
}

#[test]
fn at_a_stop_all_that_a_client_has_sent_is_answered_and_the_last_answer_says_that_it_is() {
    const BATCHES: usize = 300;
    for runtime in ["auto", "legacy"] {
        let home = Home::new();
        let mut server = home.serve(&[("runtime", runtime), ("drain_timeout", "60s")]);
        let token = home.token(7);
        let mut client = server.connect();
        assert_eq!(client.exchange(Request::batch(&token, b"the first")).status, 200);
        server.signal(Signal::STOP);
        let batches = (0..BATCHES).flat_map(|number| Request::batch(&token, [number as u8; 300]).bytes());
        client.send(batches.collect::<Vec<u8>>());
        server.signal(Signal::TERM);
        server.signal(Signal::CONT);
        let closes: Vec<bool> = (0..BATCHES)
            .map(|number| {
                let answer = client.try_read().unwrap_or_else(|error| panic!("{runtime}: answer {number}: {error}"));
                assert_eq!(answer.status, 200, "{}", answer.text());
                answer.closes()
            })
            .collect();
        assert!(closes[..BATCHES - 1].iter().all(|closes| !closes), "{runtime}: {closes:?}");
        client.expect_end(PATIENCE);
        assert!(server.wait(PATIENCE).success(), "{runtime}: {}", server.said());
        assert_eq!(home.stored().len(), BATCHES + 1, "{runtime}");
    }
}

#[test]
fn at_a_stop_no_request_of_a_connection_in_use_is_left_unanswered() {
    const CLIENTS: u64 = 8;
    let home = Home::new();
    let mut server = home.serve(&[("cores", "2"), ("drain_timeout", "60s")]);
    let answered: usize = thread::scope(|scope| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|session| {
                let (token, mut client) = (home.token(session), server.connect());
                scope.spawn(move || {
                    // As a proxy does that keeps its connections: one request after the other, with a little time between.
                    for answered in 1.. {
                        client.send(Request::batch(&token, b"a body"));
                        let answer = client.try_read().unwrap_or_else(|error| panic!("after {answered}: {error}"));
                        assert_eq!(answer.status, 200, "{}", answer.text());
                        if answer.closes() {
                            client.expect_end(PATIENCE);
                            return answered;
                        }
                        thread::sleep(Duration::from_millis(10));
                    }
                    unreachable!("the server stops");
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(300));
        server.signal(Signal::TERM);
        clients.into_iter().map(|client| client.join().expect("all are answered")).sum()
    });
    assert!(server.wait(PATIENCE).success(), "{}", server.said());
    assert_eq!(home.stored().len(), answered);
}

#[test]
fn sigint_ends_it_as_sigterm_does_and_idle_connections_do_not_hold_it_up() {
    let home = Home::new();
    let mut server = home.serve(&[("drain_timeout", "20s"), ("cores", "2")]);
    let mut idle: Vec<Connection> = (0..20).map(|_| server.connect()).collect();
    for client in &mut idle {
        assert_eq!(client.exchange(Request::batch(&home.token(7), b"a body")).status, 200);
    }
    server.signal(Signal::INT);
    for client in &mut idle {
        client.expect_end(Duration::from_secs(5));
    }
    assert!(server.wait(Duration::from_secs(10)).success());
    assert_eq!(home.stored().len(), 20);
}

#[test]
fn a_client_that_stalls_does_not_hold_the_end_up() {
    let home = Home::new();
    let mut server = home.serve(&[("drain_timeout", "500ms")]);
    assert_eq!(server.connect().exchange(Request::batch(&home.token(2), b"a whole one")).status, 200);
    let _stalled = half_sent(&server, &home.token(1), "a body in two halves");
    server.signal(Signal::TERM);
    let began = Instant::now();
    assert!(server.wait(PATIENCE).success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(home.stored().len(), 1);
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let home = Home::new();
    let mut server = home.serve(&[("drain_timeout", "60s"), ("body_grace", "60s")]);
    assert_eq!(server.connect().exchange(Request::batch(&home.token(2), b"a whole one")).status, 200);
    let _busy = half_sent(&server, &home.token(1), "a body in two halves");
    server.signal(Signal::TERM);
    server.wait_for_line(&["stopping"], Duration::from_secs(5));
    assert!(server.runs());
    server.signal(Signal::TERM);
    let began = Instant::now();
    let status = server.wait(PATIENCE);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(status.code(), Some(128 + 15));
    // What was acknowledged is on disk all the same.
    let server = home.serve(&[]);
    assert_eq!(home.stored().len(), 1);
    server.stop();
}

#[test]
fn a_server_that_was_told_to_stop_while_it_starts_stops() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    server.signal(Signal::TERM);
    assert!(server.wait(PATIENCE).success(), "{}", server.said());
    assert_eq!(server.stdout().lines().filter(|line| line.contains("everything is on disk")).count(), 1);
}

#[test]
fn memory_acknowledged_batches_are_on_disk_after_sigterm() {
    let home = Home::new();
    let server = home.serve(&[("ack", "memory"), ("sync_interval", "10s")]);
    let token = server.start_session(&home.project_key());
    let mut client = server.connect();
    for number in 0..50 {
        assert_eq!(client.exchange(Request::batch(&token, format!("batch {number}").as_bytes())).status, 200);
    }
    let answer = client.exchange(Request::start(&home.project_key()));
    assert_eq!(answer.status, 200);
    server.stop();
    assert_eq!(home.stored().len(), 50);
    assert_eq!(home.takeup(&["sessions", "--json"]).lines().len(), 2);
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}
