//! Watermarks: what a merge takes for complete is complete.

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::pages::{Clock, FROM, Seen, Writer, check, control};

#[test]
fn no_record_comes_below_the_bound_that_a_reader_computed() {
    check(2, || {
        let (clock, page) = (Clock::undisturbed(2), control(0, false));
        let mut writer = Writer::new(page.clone(), clock.clone());
        let core = thread::spawn(move || {
            writer.append();
            writer.hand_over();
            writer.append();
            writer.collect();
            writer.appended
        });
        let seen = Seen::look(&clock, &[page]);
        let records = core.join().unwrap();
        if let Some(seen) = seen {
            seen.check_bound(0, &records);
        }
    });
}

#[test]
fn nor_when_a_record_is_appended_and_made_durable_while_the_reader_copies() {
    check(2, || {
        let (clock, page) = (Clock::undisturbed(2), control(0, false));
        let mut writer = Writer::new(page.clone(), clock.clone());
        let core = thread::spawn(move || {
            writer.append();
            writer.hand_over();
            writer.collect();
            writer.appended
        });
        let seen = Seen::look(&clock, &[page]);
        let records = core.join().unwrap();
        if let Some(seen) = seen {
            seen.check_bound(0, &records);
        }
    });
}

#[test]
fn nor_while_the_clock_jumps_forward() {
    check(1, || {
        let (clock, page) = (Clock::new(2, false), control(0, false));
        let mut writer = Writer::new(page.clone(), clock.clone());
        let core = thread::spawn(move || {
            writer.append();
            writer.appended
        });
        let keeper = thread::spawn({
            let clock = clock.clone();
            move || clock.set(1_000, -500)
        });
        let seen = Seen::look(&clock, &[page]);
        keeper.join().unwrap();
        let records = core.join().unwrap();
        if let Some(seen) = seen {
            seen.check_bound(0, &records);
        }
    });
}

#[test]
fn nor_while_a_core_rolls_over_and_the_durable_end_is_of_the_segment_that_is_named() {
    check(1, || {
        let (clock, page) = (Clock::undisturbed(2), control(0, true));
        let mut writer = Writer::new(page.clone(), clock.clone());
        writer.append();
        writer.append();
        writer.roll_over();
        let core = thread::spawn(move || {
            writer.append();
            writer.collect();
            writer.appended
        });
        let seen = Seen::look(&clock, &[page]);
        let records = core.join().unwrap();
        if let Some(seen) = seen {
            seen.check_bound(0, &records);
            let page = seen.page(0);
            // Of the first segment two records were synced, of the second none.
            let stored = if page.segment == 1 { FROM + 128 } else { FROM };
            assert!(page.durable <= stored && page.durable <= page.cursor, "{page:?}");
        }
    });
}

#[test]
fn a_request_received_after_anothers_answer_leaves_after_it() {
    check(1, || {
        // Between an answer and a request that follows it lies a network: a microsecond at least.
        let clock = Clock::undisturbed(1);
        let pages = [control(0, false), control(1, false)];
        let answered = Arc::new(AtomicBool::new(false));
        let mut first = Writer::new(pages[1].clone(), clock.clone());
        let mut second = Writer::new(pages[0].clone(), clock.clone());
        let one = thread::spawn({
            let answered = Arc::clone(&answered);
            move || {
                let record = first.append();
                first.hand_over();
                first.collect();
                // The network carries it, and everything before it.
                answered.store(true, Ordering::Release);
                record
            }
        });
        let other = thread::spawn(move || {
            let after = answered.load(Ordering::Acquire);
            let record = second.append();
            second.hand_over();
            second.collect();
            (after, record)
        });
        let seen = Seen::look(&clock, &pages);
        let (first, (after, second)) = (one.join().unwrap(), other.join().unwrap());
        if !after {
            return;
        }
        assert!(first.order_us < second.order_us);
        if let Some(seen) = seen {
            seen.check_bound(1, &[first]);
            seen.check_bound(0, &[second]);
            assert!(!seen.hands_out(0, &second) || seen.holds(1, &first), "{second:?} left before {first:?}");
        }
    });
}
