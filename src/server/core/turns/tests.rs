use std::net::IpAddr;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_core_rests_by_the_time_that_was_spent_and_not_by_how_many_it_was_spent_on() {
    let pace = Pace::default();
    let begin = pace.began.get();
    let mut now = begin;
    for _ in 0..20 {
        assert!(!pace.must_pause(now), "{:?}", now - begin);
        pace.record(now, now + MS / 10);
        now += MS / 10;
    }
    assert!(pace.must_pause(now));
    assert!(!pace.must_pause(now + MS));
    // Much at once is followed by a long rest.
    pace.record(now + MS, now + 11 * MS);
    assert!(pace.must_pause(now + 14 * MS));
    assert!(!pace.must_pause(now + 17 * MS));
}

#[test]
fn nobody_rests_from_a_pause_of_the_machine() {
    let pace = Pace::default();
    let begin = pace.began.get();
    pace.record(begin, begin + 16_000 * MS);
    assert!(!pace.must_pause(begin + 16_001 * MS));
}

#[test]
fn now_and_then_a_little_tires_nobody() {
    let pace = Pace::default();
    let mut now = pace.began.get();
    for _ in 0..100 {
        pace.record(now, now + MS);
        assert!(!pace.must_pause(now + MS));
        now += 4 * MS;
    }
}

#[test]
fn starts_stand_behind_batches_and_never_before_them() {
    let turns = Turns::default();
    turns.lanes[Lane::LongStart as usize].taken.set(true);
    turns.lanes[Lane::Start as usize].taken.set(true);
    assert!(turns.is_free(Lane::Batch) && turns.is_free(Lane::LongBatch));
    turns.lanes[Lane::LongBatch as usize].taken.set(true);
    assert!(turns.is_free(Lane::Batch), "what is short does not wait for what is long");
    assert!(turns.is_blocked(Lane::Start) && turns.is_blocked(Lane::LongStart));
}

#[test]
fn a_place_is_passed_over_those_who_have_left() {
    let turns = Turns::default();
    let conn = || Rc::new(Conn::new(-1, IpAddr::from([127, 0, 0, 1]), 0, false));
    let waits = |state| Rc::new(Waiter { conn: conn(), state: Cell::new(state) });
    let queue = &turns.lanes[Lane::Start as usize];
    queue.taken.set(true);
    let (gone, next) = (waits(State::Cancelled), waits(State::Waiting));
    queue.waiting.borrow_mut().extend([Rc::clone(&gone), Rc::clone(&next)]);
    drop(LanePermit { turns: &turns, lane: Lane::Start });
    assert_eq!((gone.state.get(), next.state.get(), queue.taken.get()), (State::Cancelled, State::Granted, true));
    assert!(turns.is_free(Lane::Batch) && !turns.is_free(Lane::Start));
    // It leaves at the very moment at which it is its turn.
    next.state.set(State::Granted);
    drop(QueuedRequest { turns: &turns, lane: Lane::Start, waiting: next });
    assert!(!queue.taken.get() && turns.is_free(Lane::LongStart));
}
