use std::net::IpAddr;
use std::rc::Rc;

use super::*;

const NOW_MS: u64 = 1_000_000;

fn add(conns: &Conns, phase: Phase, served: bool, since_ms: u64, over_cap: bool) -> usize {
    let conn = Conn::new(-1, IpAddr::from([127, 0, 0, 1]), since_ms, over_cap);
    conn.enter(phase, since_ms);
    conn.served.set(served);
    conns.insert(Rc::new(conn))
}

#[test]
fn who_has_never_sent_a_request_goes_before_any_that_has() {
    let (conns, evictions) = (Conns::default(), Evictions::default());
    let idle = add(&conns, Phase::Idle, true, 10, false);
    let later = add(&conns, Phase::Head, true, NOW_MS - 5_000, false);
    let body = add(&conns, Phase::Body, false, NOW_MS - 5_000, false);
    add(&conns, Phase::Storing, true, 10, false);
    add(&conns, Phase::Writing, true, 10, false);
    add(&conns, Phase::Head, true, NOW_MS - 500, false);
    let silent = add(&conns, Phase::Idle, false, NOW_MS - 3_000, false);
    let greeting = add(&conns, Phase::Greeting, false, NOW_MS - 2_000, false);
    let head = add(&conns, Phase::Head, false, NOW_MS - 500, false);
    let next = |need| evictions.next(&conns, NOW_MS, need);
    assert_eq!([(); 3].map(|()| next(Need::OverCap)), [Some(silent), Some(greeting), None], "the last is new");
    assert_eq!([(); 2].map(|()| next(Need::WaitingRoom)), [Some(head), None], "they take nobody's place");
    assert_eq!([(); 3].map(|()| next(Need::Slot)), [Some(idle), Some(later), None]);
    assert_eq!([(); 2].map(|()| next(Need::LastResort)), [Some(body), None]);
}

#[test]
fn a_place_is_taken_from_one_that_has_it() {
    let (conns, evictions) = (Conns::default(), Evictions::default());
    add(&conns, Phase::Idle, false, 10, true);
    let placed = add(&conns, Phase::Idle, false, 20, false);
    assert_eq!(evictions.next(&conns, NOW_MS, Need::Slot), Some(placed));
    assert_eq!(evictions.next(&conns, NOW_MS, Need::Slot), None);
}

#[test]
fn who_has_spoken_since_it_was_found_stays() {
    let (conns, evictions) = (Conns::default(), Evictions::default());
    let keys = [10, 20, 30].map(|since_ms| add(&conns, Phase::Idle, false, since_ms, false));
    assert_eq!(evictions.next(&conns, NOW_MS, Need::WaitingRoom), Some(keys[0]));
    conns.with(keys[1], |conn| conn.enter(Phase::Storing, NOW_MS));
    assert_eq!(evictions.next(&conns, NOW_MS, Need::WaitingRoom), Some(keys[2]));
}

#[test]
fn all_of_a_full_core_are_found_oldest_first_in_a_few_passes() {
    let (conns, evictions) = (Conns::default(), Evictions::default());
    let keys: Vec<usize> = (0..16_384).map(|n| add(&conns, Phase::Idle, false, n, false)).collect();
    for key in keys {
        assert_eq!(evictions.next(&conns, NOW_MS, Need::WaitingRoom), Some(key));
        conns.with(key, |conn| conn.interrupt(Order::Evict));
    }
    assert_eq!(evictions.next(&conns, NOW_MS, Need::WaitingRoom), None);
}
