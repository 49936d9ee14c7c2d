use crate::log::clock::order::OrderClock;

use super::*;

#[test]
fn the_bounds_are_those_of_the_server_that_holds_the_log() {
    let temp = tempfile::tempdir().unwrap();
    let clock = OrderClock::start(&temp.path().join(CLOCK_FILE_NAME), 0).unwrap();
    let near = |times: Times| {
        assert!(clock.earliest_us().abs_diff(times.earliest_us) < 2_000_000, "{times:?}");
        assert!(clock.latest_us().abs_diff(times.latest_us) < 2_000_000, "{times:?}");
    };
    near(Times::find(temp.path(), true, 0));
    // A clock that jumps a year ahead makes it later at most, and no age ends by it.
    const YEAR_US: u64 = 365 * 24 * 3600 * 1_000_000;
    clock.anchor_by(wall_us() + YEAR_US);
    near(Times::find(temp.path(), true, 0));
    // And one that jumps back makes it earlier.
    clock.anchor_by(wall_us() - YEAR_US);
    let times = Times::find(temp.path(), true, 0);
    near(times);
    assert!(times.earliest_us < wall_us() - YEAR_US / 2);
}

#[test]
fn without_a_server_they_are_those_of_a_start() {
    let temp = tempfile::tempdir().unwrap();
    // Nothing is known: the one reading is all there is.
    let times = Times::find(temp.path(), false, 0);
    assert!(wall_us().abs_diff(times.earliest_us) < 2_000_000, "{times:?}");
    // The newest record, of a log whose clock page is lost.
    const HOUR_US: u64 = 3600 * 1_000_000;
    let times = Times::find(temp.path(), false, wall_us() - HOUR_US);
    assert!((wall_us() - HOUR_US).abs_diff(times.earliest_us) < 2_000_000, "{times:?}");
    assert!(wall_us().abs_diff(times.latest_us) < 2_000_000, "{times:?}");
    // Where an earlier server left it: the same as that start finds.
    let path = temp.path().join(CLOCK_FILE_NAME);
    drop(OrderClock::start(&path, wall_us() - HOUR_US).unwrap());
    let times = Times::find(temp.path(), false, 0);
    let clock = OrderClock::start(&path, 0).unwrap();
    assert!(clock.earliest_us().abs_diff(times.earliest_us) < 2_000_000, "{times:?}");
    assert!((wall_us() - HOUR_US).abs_diff(times.earliest_us) < 5_000_000, "{times:?}");
}
