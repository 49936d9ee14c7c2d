use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;

/// Values with two equal halves, so that a mixture of two would show.
fn pair(number: u64) -> (u64, u64) {
    (number, number)
}

#[test]
fn a_copy_follows_the_snapshot_and_stays_as_it_is_until_asked() {
    let snapshot = Snapshot::new(pair(1));
    let mut copied = Copied::of(&snapshot, |value| *value);
    let first = copied.value();
    assert!(!copied.refresh(&snapshot, |_| unreachable!("nothing has changed")));
    assert_eq!(snapshot.replace(pair(2)), 2);
    assert_eq!((*copied.value(), copied.version()), (pair(1), 1));
    assert!(copied.refresh(&snapshot, |value| *value));
    assert_eq!((*copied.value(), copied.version()), (pair(2), 2));
    assert_eq!(*first, pair(1), "who began with a value goes on with it");
}

#[test]
fn values_are_seen_whole_in_order_and_with_their_version() {
    const VALUES: u64 = 2_000;
    let (snapshot, done) = (Snapshot::new(pair(1)), AtomicBool::new(false));
    let together = Barrier::new(3);
    thread::scope(|scope| {
        let reader = || {
            let mut copied = Copied::of(&snapshot, |value| *value);
            let mut last = copied.value().0;
            together.wait();
            while !done.load(Ordering::Acquire) || copied.version() < snapshot.version() {
                copied.refresh(&snapshot, |value| *value);
                let value = *copied.value();
                assert_eq!(value, pair(copied.version()), "value n is version n");
                assert!(value.0 >= last, "no step back");
                last = value.0;
            }
            assert_eq!(last, VALUES);
        };
        scope.spawn(reader);
        scope.spawn(reader);
        together.wait();
        for number in 2..=VALUES {
            assert_eq!(snapshot.replace(pair(number)), number);
            thread::yield_now();
        }
        done.store(true, Ordering::Release);
    });
}

#[test]
fn a_request_never_goes_by_an_older_value_than_one_that_led_to_it() {
    const VALUES: u64 = 2_000;
    let (snapshot, done) = (Snapshot::new(pair(1)), AtomicBool::new(false));
    // What a request on one core hands to a request on the other: the value that it used.
    let (answers, requests) = crossbeam_channel::bounded(1);
    let (done, snapshot, together) = (&done, &snapshot, &Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut copied = Copied::of(snapshot, |value| *value);
            together.wait();
            while !done.load(Ordering::Acquire) {
                copied.refresh(snapshot, |value| *value);
                answers.send(copied.value().0).unwrap();
            }
        });
        scope.spawn(move || {
            let mut copied = Copied::of(snapshot, |value| *value);
            for led in requests {
                copied.refresh(snapshot, |value| *value);
                assert!(copied.value().0 >= led);
            }
        });
        together.wait();
        for number in 2..=VALUES {
            snapshot.replace(pair(number));
            thread::yield_now();
        }
        done.store(true, Ordering::Release);
    });
}
