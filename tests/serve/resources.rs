//! What connections cost.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::common::{Client, Home, batch_request, wait_for};

const CONNECTIONS: usize = 2_000;

/// Allows this process, and the servers that it starts, enough descriptors.
fn raise_descriptors() {
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
    let request = batch_request("not.a.good.token", &[b'x'; 1_000]);
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.connect()).collect();
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
        assert_eq!(client.exchange(batch_request(&home.token(7), b"a body")).status, 200);
    }
    drop(clients);
    wait_for("the connections to be gone", Duration::from_secs(10), || (open() == 0.0).then_some(()));
    assert_eq!(held(), 0.0);
    assert_eq!(home.stored().len(), CONNECTIONS / 20);
}

#[test]
fn a_large_content_length_alone_takes_no_memory() {
    let home = Home::new();
    let server = home.serve(&[]);
    let head = crate::common::batch(&home.token(7), 1_000_000);
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&head);
    }
    std::thread::sleep(Duration::from_millis(500));
    let held = server.metric("takeup_buffer_bytes");
    assert!((1.0..50.0 * 50_000.0).contains(&held), "{held} bytes for 50 heads");
}
