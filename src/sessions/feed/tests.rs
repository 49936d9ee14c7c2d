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
