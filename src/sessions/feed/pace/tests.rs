use super::*;

#[test]
fn it_rests_for_what_it_took_beyond_its_share() {
    let (at, second) = (Instant::now(), Duration::from_secs(1));
    let mut share = Share { processors: 2, saved: SAVED_MAX, at, used: Duration::ZERO };
    assert_eq!(share.debt(at, SAVED_MAX), Duration::ZERO, "it was saved up");
    // Two tenths of a second are its share of a second of two processors.
    assert_eq!(share.debt(at + second, SAVED_MAX * 2), Duration::ZERO);
    assert_eq!(share.debt(at + second, SAVED_MAX * 4), second, "twice as much as it has");
    // Rested or not, that time is paid with.
    assert_eq!(share.debt(at + second, SAVED_MAX * 4), Duration::ZERO);
    assert_eq!(share.debt(at + 2 * second, SAVED_MAX * 5), second / 2);
    assert_eq!(share.debt(at + 100 * second, SAVED_MAX * 6), Duration::ZERO, "no more than that is saved up");
    assert_eq!(share.debt(at + 100 * second, SAVED_MAX * 7), second / 2);
}

#[test]
fn it_looks_often_while_much_comes_and_for_a_while_after() {
    let (mut at, mebibyte) = (Instant::now(), 1 << 20);
    let mut pace = Pace::new(at);
    let mut look = |pause: &mut Duration, bytes| {
        at += *pause;
        pace.found(bytes);
        *pause = pace.pause(at);
        *pause
    };
    let mut pause = PAUSE_MAX;
    assert_eq!(look(&mut pause, 0), PAUSE_MAX);
    assert_eq!(look(&mut pause, 4 * mebibyte), PAUSE_MAX, "100 MiB/s");
    assert_eq!(look(&mut pause, 8 * mebibyte), PAUSE_MAX / 2, "200 MiB/s");
    assert_eq!(look(&mut pause, 20 * mebibyte), PAUSE_MIN, "a GiB/s");
    assert!(look(&mut pause, 0) < 2 * PAUSE_MIN, "it may go on at once");
    let mut looks = 0;
    while look(&mut pause, mebibyte / 4) < PAUSE_MAX {
        looks += 1;
    }
    assert!((10..30).contains(&looks), "{looks}");
}
