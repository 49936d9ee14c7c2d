//! Repeated failures: the core is poisoned, others take its connections, and it is taken into use again.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::faults::Call;
use super::faulty::FaultyDisk;
use crate::common::{Connection, Home, PATIENCE, Request, Server, wait_for};
use crate::{stored_once, verify};

/// Enough clients for both cores to have some: the kernel gives each connection to one of them.
const CLIENTS: u64 = 24;

const STATE_0: &str = "takeup_log_core_state{core=\"0\",state=\"poisoned\"}";

fn body(session: u64, number: u32) -> Vec<u8> {
    let mut body = format!("session {session} batch {number} ").into_bytes();
    body.resize(200 + (number as usize * 131 + session as usize * 17) % 4000, b'x');
    body
}

/// Sends from all clients at once, and demands a 200 for each.
fn send(clients: &mut BTreeMap<u64, Connection>, home: &Home, number: u32, stored: &mut Vec<Vec<u8>>) {
    thread::scope(|scope| {
        for (&session, client) in clients.iter_mut() {
            let request = Request::batch(&home.token(session), body(session, number));
            scope.spawn(move || {
                let answer = client.exchange(request);
                assert_eq!(answer.status, 200, "session {session}: {}", answer.text());
                assert!(!answer.closes(), "{}", answer.text());
            });
        }
    });
    stored.extend(clients.keys().map(|&session| body(session, number)));
}

fn clients(server: &Server) -> BTreeMap<u64, Connection> {
    (1..=CLIENTS).map(|session| (session, server.connect())).collect()
}

fn admin_reopen(home: &Home, server: &Server, arguments: &[&str]) -> crate::common::Finished {
    let addr = server.admin.to_string();
    home.takeup(&[&["admin", "reopen", "--admin", &addr], arguments].concat())
}

fn cores_of(home: &Home) -> BTreeMap<Vec<u8>, u32> {
    let core = |id: &str| id.split('/').nth(1).and_then(|core| core.parse().ok()).expect("an id names its core");
    home.stored().into_iter().map(|batch| (batch.body, core(&batch.id))).collect()
}

#[test]
fn a_poisoned_core_hands_its_connections_to_a_healthy_one_and_takes_them_again_when_reopened() {
    for (runtime, handovers_max) in [("auto", "256"), ("legacy", "1")] {
        let Some(disk) = FaultyDisk::new() else { return };
        let home = Home::with_data(&disk.path("data"));
        let server = home.serve(&[("cores", "2"), ("runtime", runtime), ("handovers_max", handovers_max)]);
        let mut stored = Vec::new();
        let mut clients = clients(&server);
        send(&mut clients, &home, 0, &mut stored);
        let first = cores_of(&home);
        assert!(first.values().any(|&core| core == 0) && first.values().any(|&core| core == 1), "{runtime}");

        disk.faults().fail(Call::Sync, "core-00", libc::EIO, u64::MAX);
        // Everything is stored: what is on the way when the core fails, what comes on its connections later, and what comes on new ones.
        send(&mut clients, &home, 1, &mut stored);
        assert_eq!(server.metric(STATE_0), 1.0, "{runtime}");
        send(&mut clients, &home, 2, &mut stored);
        let mut new = self::clients(&server);
        send(&mut new, &home, 3, &mut stored);
        for _ in 0..10 {
            let answer = server.connect().exchange(Request::start(&home.project_key()));
            assert_eq!(answer.status, 200, "{runtime}: {}", answer.text());
        }
        assert!(server.metric("takeup_connections_handed_over_total") > 0.0);
        let line = server.wait_for_line(&["takes nothing more"], PATIENCE);
        assert!(line.contains("\"level\":\"error\"") && line.contains("\"core\":\"0\""), "{line}");
        // The service is ready, and names the part that is not.
        assert_eq!(server.admin_page("/health/ready").status, 200);
        let health = server.admin_page("/health").json();
        assert_eq!(
            (health["status"].as_str(), health["checks"]["core"][0]["status"].as_str()),
            (Some("warn"), Some("warn"))
        );
        wait_for("the counts of connections to be right", PATIENCE, || {
            (server.metric("takeup_connections_open") == 2.0 * CLIENTS as f64).then_some(())
        });

        disk.faults().clear();
        let reopened = admin_reopen(&home, &server, &[]);
        assert_eq!(reopened.code, Some(0), "{reopened:?}");
        assert!(reopened.stdout.contains("core 0  poisoned -> open"), "{reopened:?}");
        // It accepts new connections as soon as its log is open again.
        let opened = Instant::now();
        let mut number = 4;
        loop {
            let mut newer = self::clients(&server);
            send(&mut newer, &home, number, &mut stored);
            let cores = cores_of(&home);
            if (1..=CLIENTS).any(|session| cores[&body(session, number)] == 0) {
                break;
            }
            assert!(opened.elapsed() < Duration::from_secs(5), "{runtime}: core 0 takes nothing");
            number += 1;
        }
        send(&mut clients, &home, number + 1, &mut stored);
        assert_eq!(server.metric(STATE_0), 0.0);
        server.wait_for_line(&["a core was reopened"], PATIENCE);
        stored_once(&home, &stored);
        server.stop();
        stored_once(&home, &stored);
        verify(&home);
    }
}

#[test]
fn what_a_connection_has_sent_moves_with_it_and_is_answered_once_in_order() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(&[("cores", "2")]);
    let mut stored = Vec::new();
    let mut clients = clients(&server);
    send(&mut clients, &home, 0, &mut stored);
    disk.faults().fail(Call::Sync, "core-00", libc::EIO, u64::MAX);
    thread::scope(|scope| {
        for (&session, client) in &mut clients {
            let token = home.token(session);
            scope.spawn(move || {
                // In one piece: a batch with a length and one in chunks, or the other way round, a request without a body, and
                // another batch.
                let by_length = Request::batch(&token, body(session, 1));
                let chunked = Request::batch(&token, body(session, 2)).in_chunks(70);
                let (first, second) = if session % 2 == 0 { (by_length, chunked) } else { (chunked, by_length) };
                let requests = [first, second, Request::get("/nowhere"), Request::batch(&token, body(session, 3))];
                client.send(requests.iter().flat_map(Request::bytes).collect::<Vec<u8>>());
                let statuses: Vec<u16> = (0..4).map(|_| client.read().status).collect();
                assert_eq!(statuses, [200, 200, 404, 200], "session {session}");
                assert!(client.is_silent_for(Duration::from_millis(100)), "an answer too many");
            });
        }
    });
    stored.extend((1..=CLIENTS).flat_map(|session| (1..=3).map(move |number| body(session, number))));
    assert!(server.metric("takeup_connections_handed_over_total") > 0.0);
    stored_once(&home, &stored);
    server.stop();
    stored_once(&home, &stored);
}

#[test]
fn with_every_core_poisoned_requests_are_held_then_refused_and_taken_again_when_reopened() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let mut server = home.serve(&[("cores", "2"), ("patience", "2s")]);
    let mut stored = vec![body(1, 0)];
    assert_eq!(server.connect().exchange(Request::batch(&home.token(1), body(1, 0))).status, 200);
    disk.faults().fail(Call::Sync, "core-", libc::EIO, u64::MAX);
    let mut client = server.connect();
    wait_for("both cores to be poisoned", PATIENCE, || {
        let _ = server.connect().exchange(Request::batch(&home.token(2), body(2, 0)));
        (server.metric("takeup_log_core_state{core=\"0\",state=\"poisoned\"}")
            + server.metric("takeup_log_core_state{core=\"1\",state=\"poisoned\"}")
            == 2.0)
            .then_some(())
    });
    let began = Instant::now();
    let answer = client.exchange(Request::batch(&home.token(1), body(1, 1)));
    let took = began.elapsed();
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(took > Duration::from_millis(1900) && took < Duration::from_secs(5), "held for {took:?}");
    assert!(answer.json()["error"].as_str().is_some_and(|error| error.contains("try again")), "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{}", answer.text());
    assert!(!answer.closes(), "a client that keeps its connection repeats on it");
    let start = server.connect().exchange(Request::start(&home.project_key()));
    assert_eq!(start.status, 503, "{}", start.text());
    assert_eq!(server.connect().exchange(Request::get("/")).status, 200, "preflights and probes go on");
    assert!(server.runs());
    assert_eq!(server.admin_page("/health/live").status, 200);
    let ready = server.admin_page("/health/ready");
    assert_eq!(ready.status, 503);
    let reason = ready.json()["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("core 0 is poisoned") && reason.contains("core 1 is poisoned"), "{reason}");

    // Too early: the disk is still broken.
    let reopened = admin_reopen(&home, &server, &["--json"]);
    assert_eq!(reopened.code, Some(1), "{reopened:?}");
    let lines = reopened.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0]["before"].as_str(), lines[0]["after"].as_str()), (Some("poisoned"), Some("poisoned")));
    assert!(lines[0]["reason"].as_str().is_some_and(|reason| reason.contains("Input/output error")), "{lines:?}");

    // A request that is held meanwhile is answered as soon as the disk is mended and the log reopened.
    client.send(Request::batch(&home.token(1), body(1, 2)));
    disk.faults().clear();
    assert_eq!(admin_reopen(&home, &server, &[]).code, Some(0));
    let answer = client.read();
    assert_eq!(answer.status, 200, "{}", answer.text());
    stored.push(body(1, 2));
    assert_eq!(server.admin_page("/health/ready").status, 200);
    stored_once(&home, &stored);
    server.stop();
    stored_once(&home, &stored);
}

#[test]
fn a_server_with_a_poisoned_core_ends_in_order() {
    let Some(disk) = FaultyDisk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let server = home.serve(&[("cores", "2")]);
    let mut stored = Vec::new();
    let mut clients = clients(&server);
    disk.faults().fail(Call::Sync, "core-00", libc::EIO, u64::MAX);
    send(&mut clients, &home, 0, &mut stored);
    assert_eq!(server.metric(STATE_0), 1.0);
    server.stop();
    disk.faults().clear();
    let server = home.serve(&[("cores", "2")]);
    let mut clients = self::clients(&server);
    send(&mut clients, &home, 1, &mut stored);
    stored_once(&home, &stored);
    server.stop();
}

#[test]
fn a_server_that_is_not_there_is_an_error_of_its_own() {
    let home = Home::new();
    let server = home.serve(&[]);
    let open = "takeup_log_core_state{core=\"0\",state=\"open\"}";
    wait_for("the first segment", PATIENCE, || (server.metric(open) == 1.0).then_some(()));
    let finished = admin_reopen(&home, &server, &[]);
    assert_eq!((finished.code, finished.stdout.trim()), (Some(0), "core 0  open"), "{finished:?}");
    let addr = server.admin.to_string();
    server.stop();
    let finished = home.takeup(&["admin", "reopen", "--admin", &addr]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains(&addr) && finished.stderr.contains("--admin"), "{}", finished.stderr);
}
