//! Order time never steps back, whoever reads it.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use crate::pages::{Clock, check};

/// Slower than the log ever runs, so that the few microseconds of the model tell.
const SLOW_PPM: i64 = -900_000;

/// A time that was told to another thread: what that thread reads afterwards is not smaller.
fn told_times_never_step_back(target_us: u64, slews: bool) {
    check(2, move || {
        let clock = Clock::new(1, slews);
        let told = Arc::new(AtomicU64::new(0));
        let keeper = thread::spawn({
            let clock = clock.clone();
            move || clock.set(target_us, SLOW_PPM)
        });
        let teller = thread::spawn({
            let (clock, told) = (clock.clone(), Arc::clone(&told));
            move || told.store(clock.now_us(), Ordering::Release)
        });
        let before_us = told.load(Ordering::Acquire);
        let now_us = clock.now_us();
        assert!(now_us >= before_us, "{now_us} after {before_us}");
        keeper.join().unwrap();
        teller.join().unwrap();
        assert!(clock.now_us() >= told.load(Ordering::Relaxed).max(now_us));
    });
}

#[test]
fn order_time_never_steps_back_when_it_is_set_forward() {
    told_times_never_step_back(1_000, false);
}

#[test]
fn order_time_never_steps_back_when_it_slews() {
    told_times_never_step_back(50, true);
}

#[test]
fn a_reader_in_another_process_sees_the_same_time_or_none() {
    check(2, || {
        let clock = Clock::new(2, false);
        let keeper = thread::spawn({
            let clock = clock.clone();
            move || clock.set(1_000, -500)
        });
        let first_us = clock.now_us();
        let read = clock.read();
        keeper.join().unwrap();
        let last_us = clock.now_us();
        if let Some(read) = read {
            assert!((first_us..=last_us).contains(&read.now_us), "{read:?} between {first_us} and {last_us}");
        }
    });
}
