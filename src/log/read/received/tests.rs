use crate::log::clock::order::{OrderClock, wall_us};

use super::*;

#[test]
fn a_segment_that_is_being_written_was_received_by_the_wall_clock_where_order_time_is_off() {
    let temp = tempfile::tempdir().unwrap();
    let clock = |newest_us| OrderClock::start(&temp.path().join(CLOCK_FILE_NAME), newest_us).unwrap();
    assert_eq!(received_us(temp.path(), 0, 7), None, "nothing is known");
    drop(clock(0));
    assert_eq!(received_us(temp.path(), 0, 7), None, "order time says it");
    // Order time that is ahead for good.
    const YEAR_US: u64 = 365 * 24 * 3600 * 1_000_000;
    let ahead = clock(wall_us() + YEAR_US);
    let received = received_us(temp.path(), 0, 7).expect("it is a year off");
    assert!(received.abs_diff(wall_us()) < 60_000_000, "{received}");
    drop(ahead);
}
