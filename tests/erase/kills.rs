//! `kill -9` to the command that erases, and to the server beside it.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Home, Request, Server};

use super::beside::{check_the_rest, check_verified, erase, settings, traces, wait_until_archived};
use super::person::{Person, SENT, under_load};
use super::stored::{Stored, records};

/// Rounds on the same log. Each reads all that was ever sent to it.
const ROUNDS_A_LOG: usize = 8;

/// The numbers of the rounds, by the log that they share.
fn rounds() -> Vec<Vec<u64>> {
    let count = std::env::var("TAKEUP_TEST_KILLS").map_or(8, |text| text.parse().expect("a number"));
    (0..count).collect::<Vec<u64>>().chunks(ROUNDS_A_LOG).map(<[u64]>::to_vec).collect()
}

/// Waits as long as a round should. A prime keeps the moments apart.
fn pass(round: u64) {
    let until = Instant::now() + Duration::from_millis(20 + round * 7_919 % 600);
    while Instant::now() < until {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Demands that all that others had is there, and that of the person nothing is new.
#[track_caller]
fn check_between(home: &Home, before: &Stored, session: u64) {
    let now = Stored::read(home.data());
    let others = before.without(|of, _| of == session);
    let added = |id: &String| !before.records.contains_key(id);
    assert!(
        others.records.iter().all(|(id, record)| now.records.get(id) == Some(record)),
        "a record of others is gone"
    );
    assert!(now.records.iter().all(|(id, record)| added(id) || before.records[id] == *record), "a record is another");
    // Rows of chunks that came since are more.
    let mut rows = now.rows.iter();
    assert!(others.rows.iter().all(|row| rows.any(|now| now == row)), "a row of others is gone, or there once less");
}

#[test]
fn an_erasure_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let killed: u64 = rounds().iter().map(|rounds| kill_the_command(rounds)).sum();
    assert!(killed > 0, "some were killed before their end");
}

/// Returns how many were killed before their end.
fn kill_the_command(rounds: &[u64]) -> u64 {
    let home = Home::new();
    let server = home.serve(&settings("100ms"));
    let admin = server.admin.to_string();
    let (mut sent, mut killed) = (Vec::new(), 0);
    for &round in rounds {
        let person = Person::start(&home, &server);
        (0..SENT).for_each(|number| person.send(&server, number));
        wait_until_archived(&server);
        let before = Stored::read(home.data());
        let session = person.session.to_string();
        let ((), more) = under_load(&home, &server, || {
            let arguments = ["erase", "--yes", "--json", "--admin", &admin, "--session", &session];
            let mut child = home.follow(&arguments);
            pass(round);
            let _ = child.kill();
            killed += u64::from(child.wait().expect("a child").code().is_none());
        });
        sent.extend(more);
        check_verified(&home);
        check_between(&home, &before, person.session);
        let ((), more) = under_load(&home, &server, || {
            let erased = erase(&home, &server, &["--session", &session]);
            assert_eq!(erased.code, Some(0), "{erased:?}");
        });
        sent.extend(more);
        assert_eq!(traces(&person).found(home.data()), Vec::<String>::new());
        check_between(&home, &before.without(|of, _| of == person.session), person.session);
    }
    wait_until_archived(&server);
    server.stop();
    check_the_rest(&home, &sent);
    check_verified(&home);
    killed
}

#[test]
fn a_server_that_is_killed_while_a_person_is_erased_comes_back_with_all_that_others_sent() {
    rounds().iter().for_each(|rounds| kill_the_server(rounds));
}

fn kill_the_server(rounds: &[u64]) {
    let home = Home::new();
    let mut server = home.serve(&settings("100ms"));
    let mut others = 0;
    for &round in rounds {
        let person = Person::start(&home, &server);
        (0..SENT).for_each(|number| person.send(&server, number));
        send_others(&home, &server, &mut others);
        let before = Stored::read(home.data());
        let session = person.session.to_string();
        let admin = server.admin.to_string();
        let mut child = home.follow(&["erase", "--yes", "--json", "--admin", &admin, "--session", &session]);
        pass(round);
        server.kill();
        // It ends by itself, finished or not.
        child.wait().expect("a child");
        server = home.serve(&settings("100ms"));
        let others = before.without(|of, _| of == person.session).records;
        let now = records(home.data());
        assert!(others.iter().all(|(id, record)| now.get(id) == Some(record)), "a record of others is gone");
        let erased = erase(&home, &server, &["--session", &session]);
        assert_eq!(erased.code, Some(0), "{erased:?}");
        assert_eq!(traces(&person).found(home.data()), Vec::<String>::new());
    }
    wait_until_archived(&server);
    server.stop();
    check_verified(&home);
    let archived = crate::read::Archived::read(home.data());
    crate::recorded::expected(home.data()).check(&archived);
}

fn send_others(home: &Home, server: &Server, number: &mut u64) {
    for session in 1..6 {
        *number += 1;
        let body = format!("of others {number} ").repeat(50);
        assert_eq!(server.connect().exchange(Request::batch(&home.token(session), body)).status, 200);
    }
}
