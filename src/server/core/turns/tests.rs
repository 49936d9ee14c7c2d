use std::net::IpAddr;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_core_rests_by_the_time_that_was_spent_and_not_by_how_many_it_was_spent_on() {
    let pace = Pace::default();
    let begin = pace.began.get();
    let mut now = begin;
    for _ in 0..20 {
        assert!(!pace.is_tired(now), "{:?}", now - begin);
        pace.spent(now, now + MS / 10);
        now += MS / 10;
    }
    assert!(pace.is_tired(now));
    assert!(!pace.is_tired(now + MS));
    // Much at once is followed by a long rest.
    pace.spent(now + MS, now + 11 * MS);
    assert!(pace.is_tired(now + 14 * MS));
    assert!(!pace.is_tired(now + 17 * MS));
}

#[test]
fn nobody_rests_from_a_pause_of_the_machine() {
    let pace = Pace::default();
    let begin = pace.began.get();
    pace.spent(begin, begin + 16_000 * MS);
    assert!(!pace.is_tired(begin + 16_001 * MS));
}

#[test]
fn now_and_then_a_little_tires_nobody() {
    let pace = Pace::default();
    let mut now = pace.began.get();
    for _ in 0..100 {
        pace.spent(now, now + MS);
        assert!(!pace.is_tired(now + MS));
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
    assert!(turns.is_wanted_before(Lane::Start) && turns.is_wanted_before(Lane::LongStart));
}

#[test]
fn a_place_is_passed_over_those_who_have_left() {
    let turns = Turns::default();
    let conn = || Rc::new(Conn::new(-1, IpAddr::from([127, 0, 0, 1]), 0, false));
    let waits = |state| Rc::new(Waiting { conn: conn(), state: Cell::new(state) });
    let queue = &turns.lanes[Lane::Start as usize];
    queue.taken.set(true);
    let (gone, next) = (waits(State::Left), waits(State::Waits));
    queue.waiting.borrow_mut().extend([Rc::clone(&gone), Rc::clone(&next)]);
    drop(Place { turns: &turns, lane: Lane::Start });
    assert_eq!((gone.state.get(), next.state.get(), queue.taken.get()), (State::Left, State::Has, true));
    assert!(turns.is_free(Lane::Batch) && !turns.is_free(Lane::Start));
    // It leaves at the very moment at which it is its turn.
    next.state.set(State::Has);
    drop(InLine { turns: &turns, lane: Lane::Start, waiting: next });
    assert!(!queue.taken.get() && turns.is_free(Lane::LongStart));
}
