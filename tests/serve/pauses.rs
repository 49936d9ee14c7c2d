//! A server that did not run for a while: a stopped process, a suspended machine, a hypervisor that stalls.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Connection, Home, Request};

/// Far more than the deadlines below.
const PAUSE: Duration = Duration::from_secs(4);

#[test]
fn a_pause_of_the_server_makes_no_client_late() {
    let home = Home::new();
    let server =
        home.serve(&[("head_timeout", "2s"), ("body_grace", "2s"), ("idle_timeout", "3s"), ("patience", "3s")]);
    let token = home.token(7);
    let body = vec![b'x'; 200_000];
    let mut idle: Vec<Connection> = (0..10).map(|_| server.connect()).collect();
    for client in &mut idle {
        assert_eq!(client.exchange(Request::get("/")).status, 200);
    }
    let mut heads: Vec<Connection> = (0..10).map(|_| server.connect()).collect();
    let mut bodies: Vec<Connection> = (0..10).map(|_| server.connect()).collect();
    let request = Request::batch(&token, &body).bytes();
    let head = Request::batch_head(&token, body.len()).bytes();
    for client in &mut heads {
        client.send(&request[..head.len() / 2]);
    }
    for client in &mut bodies {
        client.send(&request[..head.len() + 1_000]);
    }
    // Until the server has read what has begun.
    let began = || server.metric("takeup_received_bytes_total") >= 10.0 * (1_000 + head.len()) as f64;
    crate::common::wait_for("all to have begun", Duration::from_secs(10), || began().then_some(()));

    server.signal(Signal::STOP);
    // The kernel takes connections, and what fits, for a server that does not run.
    let mut new: Vec<Connection> = (0..10).map(|_| server.connect()).collect();
    let small = Request::batch(&token, b"a body");
    new.iter_mut().for_each(|client| client.send(&small));
    let senders: Vec<_> = heads
        .iter()
        .map(|client| (client.sender(), request[head.len() / 2..].to_vec()))
        .chain(bodies.iter().map(|client| (client.sender(), request[head.len() + 1_000..].to_vec())))
        .map(|(mut socket, rest)| thread::spawn(move || std::io::Write::write_all(&mut socket, &rest)))
        .collect();
    thread::sleep(PAUSE);
    server.signal(Signal::CONT);

    for (client, which) in heads.iter_mut().map(|c| (c, "head")).chain(bodies.iter_mut().map(|c| (c, "body"))) {
        let answer = client.read();
        assert_eq!(answer.status, 200, "half a {which}: {}", answer.text());
    }
    for sender in senders {
        sender.join().expect("no panic").expect("all was taken");
    }
    new.iter_mut().for_each(|client| assert_eq!(client.read().status, 200));
    for client in &mut idle {
        assert_eq!(client.exchange(&small).status, 200, "it was idle for less than its time");
    }
    assert_eq!(server.metric("takeup_connections_idle_closed_total"), 0.0);
    assert_eq!(home.stored().len(), 40);
}
