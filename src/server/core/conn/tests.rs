use super::*;

fn conn() -> Conn {
    Conn::new(-1, IpAddr::from([127, 0, 0, 1]), 0, false)
}

/// How old the sweep takes the wait for.
fn age_ms(conn: &Conn, now_ms: u64) -> u64 {
    now_ms - conn.since_ms.get()
}

#[test]
fn the_waits_of_a_request_are_summed_and_the_time_between_them_is_not_part_of_it() {
    let conn = conn();
    conn.begin_hold(1_000);
    assert_eq!((age_ms(&conn, 3_000), conn.held_ms(3_000)), (2_000, 2_000));
    conn.end_hold(3_000);
    conn.begin_hold(10_000);
    assert_eq!((age_ms(&conn, 10_000), conn.held_ms(11_000)), (2_000, 3_000));
    // One wait that turns into another.
    conn.begin_hold(11_000);
    assert_eq!(conn.held_ms(11_500), 3_500);
    conn.end_hold(11_500);
    conn.renew_patience();
    assert_eq!(conn.held_ms(20_000), 0);
}

#[test]
fn a_fast_beginning_earns_nothing_for_a_slow_end() {
    let conn = conn();
    let slow = |at_ms, bytes| {
        conn.progress_bytes.set(bytes);
        conn.is_too_slow(at_ms, 15_000, 1024)
    };
    conn.enter(Phase::Body, 1_000);
    assert!(!slow(1_100, 90_000));
    assert!(!slow(16_000, 90_001));
    assert!(slow(16_200, 90_002), "a byte now and then is no progress");
    // Who keeps the rate has all the time that it takes.
    conn.enter(Phase::Body, 100_000);
    assert!((1..600).all(|second| !slow(100_000 + second * 1000, second * 1024)));
    // Who has been silent for a while may go on.
    assert!(!slow(710_000, 599 * 1024));
    assert!(!slow(710_100, 620 * 1024));
    assert!(!slow(724_000, 620 * 1024) && slow(726_000, 620 * 1024));
}

#[test]
fn a_request_that_moves_to_another_core_takes_along_how_long_it_was_held() {
    let conn = conn();
    conn.resume(4_000, true);
    conn.enter(Phase::Idle, 100_000);
    conn.begin_hold(100_500);
    assert_eq!(age_ms(&conn, 101_000), 4_500);
}

#[test]
fn who_waits_is_seen_until_something_has_come_of_it() {
    let conn = conn();
    conn.begin_hold(0);
    assert!(!conn.is_waiting(), "for a place or for a limit");
    conn.outcome.set(WaitOutcome::Pending);
    assert!(conn.is_waiting());
    conn.settle(WaitOutcome::Retry);
    assert!(conn.is_waiting(), "it only tries again");
    conn.end_hold(10);
    assert!(!conn.is_waiting());
}

#[test]
fn bytes_are_waited_for_once_all_were_received_and_an_end_never() {
    let conn = conn();
    assert!(!conn.has_arrived());
    conn.arrives(false);
    assert!(conn.has_arrived());
    conn.has_received_all();
    assert!(!conn.has_arrived(), "more will be told");
    conn.arrives(true);
    conn.arrives(false);
    conn.has_received_all();
    assert!(conn.has_arrived(), "the end comes after the last bytes, and is told once");
    conn.has_nothing();
    assert!(!conn.has_arrived());
}
