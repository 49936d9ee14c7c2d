//! Requests that have to wait for memory: for how long, and who sees it.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Connection, Home, PATIENCE, Request, Server, wait_for};

/// Little memory, and clients that may send slowly.
const SETTINGS: &[(&str, &str)] = &[
    ("inflight_bytes_max", "1MiB"),
    ("project_share_percent", "100"),
    ("beacon_size_limit", "400000"),
    ("json_size_limit", "100000"),
    ("body_grace", "60s"),
    ("head_timeout", "60s"),
];

fn serve(home: &Home, patience: &str) -> Server {
    home.serve(&[SETTINGS, &[("patience", patience)]].concat())
}

/// Takes up to so many buffers of 136 KiB and keeps them: bodies that stop short of their end.
fn hogs(home: &Home, server: &Server, count: usize) -> Vec<Connection> {
    let before = server.metric("takeup_buffer_bytes");
    let mut hogs: Vec<Connection> = (0..count).map(|_| server.connect()).collect();
    for hog in &mut hogs {
        hog.send(Request::batch_head(&home.token(7), 100_000));
        hog.send(vec![b'x'; 90_000]);
    }
    wait_for("the memory to be taken", PATIENCE, || {
        (server.metric("takeup_buffer_bytes") >= before + (count * 139_264) as f64).then_some(())
    });
    hogs
}

fn waiting(server: &Server) -> f64 {
    server.metric("takeup_requests_waiting")
}

#[test]
fn patience_is_the_sum_of_all_waits_and_not_the_time_since_the_first() {
    let home = Home::new();
    let server = serve(&home, "4s");
    let mut hogs = hogs(&home, &server, 7);
    let mut client = server.connect();
    client.send(Request::batch_head(&home.token(8), 300_000));
    client.send(vec![b'y'; 90_000]);
    wait_for("the first wait", PATIENCE, || (waiting(&server) == 1.0).then_some(()));
    hogs.pop();
    wait_for("its end", PATIENCE, || (waiting(&server) == 0.0).then_some(()));
    // The client's own time.
    thread::sleep(Duration::from_millis(4_500));
    client.send(vec![b'y'; 110_000]);
    assert!(client.is_silent_for(Duration::from_millis(700)), "{}", client.read().text());
    drop(hogs);
    client.send(vec![b'y'; 100_000]);
    let answer = client.read();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn a_request_that_waits_twice_is_refused_within_one_patience() {
    let home = Home::new();
    let server = serve(&home, "5s");
    let hogs = hogs(&home, &server, 7);
    // The last of the memory goes to a body that needs a buffer of 40 KiB.
    let mut small = server.connect();
    small.send(Request::batch_head(&home.token(7), 30_000));
    small.send(vec![b'x'; 20_000]);
    wait_for("all memory to be taken", PATIENCE, || {
        (server.metric("takeup_buffer_bytes") >= (7 * 139_264 + 40_960) as f64).then_some(())
    });
    // A head that does not fit the smallest buffer waits.
    let mut client = server.connect();
    client.send(Request::batch_head(&home.token(8), 300_000).header("X-Padding", &"x".repeat(9_000)));
    wait_for("the wait for the head", PATIENCE, || (waiting(&server) == 1.0).then_some(()));
    thread::sleep(Duration::from_secs(4));
    drop(small);
    let began = Instant::now();
    client.send(vec![b'y'; 100_000]);
    let answer = client.read();
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_millis(3_500), "{:?}", began.elapsed());
    drop(hogs);
}

/// So many clients that wait for memory, with a buffer each.
fn hungry(home: &Home, server: &Server, count: usize) -> Vec<Connection> {
    let before = waiting(server);
    let mut clients: Vec<Connection> = (0..count).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(Request::batch_head(&home.token(8), 300_000));
        client.send(vec![b'y'; 90_000]);
    }
    wait_for("all to wait", PATIENCE, || (waiting(server) == before + count as f64).then_some(()));
    clients
}

#[test]
fn who_goes_while_it_waits_gives_its_memory_back_and_is_not_refused() {
    let home = Home::new();
    let server = serve(&home, "300s");
    let _hogs = hogs(&home, &server, 7);
    let before = server.metric("takeup_buffer_bytes");
    let mut stays = hungry(&home, &server, 1);
    let with_one = server.metric("takeup_buffer_bytes");
    hungry(&home, &server, 8).into_iter().for_each(Connection::reset);
    wait_for("those who have gone to be let go", PATIENCE, || (waiting(&server) == 1.0).then_some(()));
    wait_for("their memory to be back", PATIENCE, || {
        (server.metric("takeup_buffer_bytes") <= before.max(with_one)).then_some(())
    });
    assert_eq!(server.metric("takeup_requests_abandoned_total"), 8.0);
    assert_eq!(server.metric("takeup_refusals_total{reason=\"bytes_in_flight\"}"), 0.0);
    assert!(stays[0].is_silent_for(Duration::from_millis(300)), "who is there is waited for");
}

#[test]
fn who_has_ended_its_side_is_answered_early_when_memory_is_short() {
    let home = Home::new();
    let server = serve(&home, "300s");
    let _hogs = hogs(&home, &server, 7);
    let mut clients = hungry(&home, &server, 3);
    let mut ended = clients.pop().expect("there are three");
    ended.end_sending();
    // It reads on, so it gets its answer.
    assert_eq!(ended.read().status, 503);
    assert!(clients.iter_mut().all(|client| client.is_silent_for(Duration::from_millis(300))));
    assert_eq!(server.metric("takeup_requests_abandoned_total"), 0.0);
}
