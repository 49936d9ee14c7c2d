//! What connections cost.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use crate::common::{Connection, Home, Request, wait_for};

const CONNECTIONS: usize = 2_000;

/// Allows this process, and the servers that it starts, enough descriptors.
pub fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS as u64 + 500;
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).expect("the hard limit allows 2,500 descriptors");
    }
}

#[test]
fn idle_connections_hold_no_buffers() {
    raise_descriptors();
    let home = Home::new();
    let server = home.serve(&[]);
    let request = Request::batch("not.a.good.token", [b'x'; 1_000]);
    let mut clients: Vec<Connection> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&request);
    }
    for client in &mut clients {
        assert_eq!(client.read().status, 401);
    }
    let held = || server.metric("takeup_buffer_bytes");
    let open = || server.metric("takeup_connections_open");
    assert_eq!(open(), CONNECTIONS as f64);
    wait_for("the buffers to be given back", Duration::from_secs(10), || (held() < 100_000.0).then_some(()));
    // All are still there, and work.
    assert_eq!(open(), CONNECTIONS as f64);
    for client in clients.iter_mut().step_by(20) {
        assert_eq!(client.exchange(Request::batch(&home.token(7), b"a body")).status, 200);
    }
    clients.truncate(CONNECTIONS / 2);
    wait_for("half of them to be gone", Duration::from_secs(10), || (open() == 1_000.0).then_some(()));
    wait_for("all buffers to be given back", Duration::from_secs(10), || (held() == 0.0).then_some(()));
    assert_eq!(home.stored().len(), CONNECTIONS / 20);
    // Those that wait without a buffer do not hold up the end.
    let mut server = server;
    server.signal(Signal::TERM);
    assert!(server.wait(Duration::from_secs(8)).success(), "{}", server.said());
    clients[7].expect_end(Duration::from_secs(1));
}

#[test]
fn a_request_that_comes_just_as_the_buffer_is_given_back_is_served() {
    const ROUNDS: u64 = 2;
    let home = Home::new();
    let server = home.serve(&[]);
    let mut clients: Vec<Connection> = (0..300).map(|_| server.connect()).collect();
    for round in 0..ROUNDS {
        let request = Request::batch(&home.token(round + 1), b"a body");
        // An idle connection gives its buffer back after two seconds, at the next of ten looks a second.
        std::thread::sleep(Duration::from_millis(1_950));
        for client in &mut clients {
            client.send(&request);
            std::thread::sleep(Duration::from_millis(1));
        }
        for client in &mut clients {
            assert_eq!(client.read().status, 200, "round {round}");
        }
    }
    assert_eq!(home.stored().len() as u64, ROUNDS * 300);
}

#[test]
fn when_descriptors_run_out_new_connections_take_the_place_of_idle_ones() {
    let home = Home::new();
    let mut server = home.serve_with_descriptors(80, &[]);
    let request = Request::batch(&home.token(7), b"a body");
    let mut clients: Vec<Connection> = Vec::new();
    for number in 0..150 {
        let mut client = server.connect();
        assert_eq!(client.exchange(&request).status, 200, "connection {number}");
        clients.push(client);
    }
    assert!(server.runs());
    assert!(server.metric("takeup_connections_evicted_total") >= 70.0, "80 descriptors were enough for 150");
    assert_eq!(server.metric("takeup_panics_total"), 0.0);
    assert_eq!(clients.last_mut().expect("the last").exchange(&request).status, 200);
    assert_eq!(home.stored().len(), 151);
    drop(clients);
    server.stop();
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_large_content_length_alone_takes_no_memory() {
    let home = Home::new();
    let server = home.serve(&[]);
    let head = Request::batch_head(&home.token(7), 1_000_000);
    let mut clients: Vec<Connection> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&head);
    }
    std::thread::sleep(Duration::from_millis(500));
    let held = server.metric("takeup_buffer_bytes");
    assert!((1.0..50.0 * 50_000.0).contains(&held), "{held} bytes for 50 heads");
}
