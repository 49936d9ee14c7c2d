use super::*;

#[test]
fn a_pause_of_ours_is_no_time_of_the_clients() {
    let clock = Clock::at(5_000);
    assert_eq!(clock.advance(5_100), 5_100);
    assert_eq!(clock.advance(5_600), 5_600, "a busy core's turn counts in full");
    assert_eq!(clock.advance(21_600), 5_700, "16 s of standing still do not");
    assert_eq!(clock.advance(21_700), 5_800);
    assert_eq!(clock.now_ms(), 5_800);
}

#[test]
fn behind_a_delay_sockets_are_read_before_deadlines_hold() {
    let clock = Clock::at(1_000);
    let look = |machine_ms| {
        clock.advance(machine_ms);
        clock.deadlines_hold()
    };
    assert!(look(1_100) && look(1_250));
    assert!(!look(17_250));
    assert!(look(17_350) && look(17_450));
    assert_eq!([18_000, 18_500, 19_000, 19_500].map(look), [false, true, false, true]);
}

#[test]
fn a_core_that_is_always_late_comes_to_its_deadlines() {
    let clock = Clock::at(0);
    let last = (1..=100).map(|turn| clock.advance(turn * 700)).last();
    assert_eq!(last, Some(10_000));
}
