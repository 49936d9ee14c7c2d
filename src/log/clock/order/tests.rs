//! Order time against wall clocks that step, drift and stand in another year.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use proptest::prelude::*;

use crate::log::format::control::{ClockView, PAGE_BYTES, clock_at};
use crate::log::format::protocol::{Page, Words, read_clock, set_clock, start_clock, try_order_us};

use super::*;

const HOUR_US: u64 = 3_600_000_000;

fn clock(newest_us: u64) -> (tempfile::TempDir, OrderClock) {
    let dir = tempfile::tempdir().unwrap();
    let clock = OrderClock::start(&dir.path().join("clock"), newest_us).unwrap();
    (dir, clock)
}

#[test]
fn order_time_follows_the_wall_clock() {
    let (_dir, clock) = clock(0);
    assert!(clock.now_us().abs_diff(wall_us()) < 1_000_000);
}

#[test]
fn it_begins_behind_the_newest_record() {
    let newest = wall_us() + 365 * 24 * HOUR_US;
    let (_dir, clock) = clock(newest);
    assert!(clock.now_us() > newest);
    clock.anchor();
    assert!(clock.now_us() > newest, "an anchor does not step back to the wall clock");
    assert_eq!(clock.deletion_doubt(), None, "order time may be ahead for good, and tells nothing of the wall clock");
    assert!(clock.latest_us() < newest);
}

#[test]
fn a_wall_clock_that_steps_forward_is_followed_at_once() {
    let (_dir, clock) = clock(0);
    let ahead = wall_us() + HOUR_US;
    clock.anchor_to(ahead);
    assert!(clock.now_us() >= ahead);
}

#[test]
fn a_wall_clock_that_is_wrong_for_a_while_moves_neither_order_time_nor_what_is_served_or_deleted() {
    let (dir, clock) = clock(0);
    for off_us in [40 * 24 * HOUR_US as i64, -(40 * 24 * HOUR_US as i64)] {
        clock.anchor_by(wall_us().saturating_add_signed(off_us));
        assert!(clock.doubt().is_some_and(|doubt| doubt.needs_word == (off_us > 0)));
        assert!(clock.now_us().abs_diff(wall_us()) < 1_000_000);
        assert!(clock.wall_ms().unsigned_abs().abs_diff(wall_us() / 1000) < 1_000);
        assert!(clock.earliest_us() < wall_us() + 1_000_000 && clock.latest_us() > wall_us() - 1_000_000);
        clock.anchor_by(wall_us());
        assert_eq!(clock.doubt(), None);
    }
    // Nor do starts while it is wrong: what is old is decided by what the last server knew.
    drop(clock);
    let page = SharedPage::open(&dir.path().join("clock")).unwrap();
    let knew_us = wall_us() - 40 * 24 * HOUR_US;
    page.word(clock_at::KNOWN_US).store(knew_us, Ordering::Relaxed);
    drop(page);
    // A record that was dated by that clock says nothing against it.
    let clock = OrderClock::start(&dir.path().join("clock"), wall_us() - 1_000_000).unwrap();
    assert!(clock.now_us().abs_diff(wall_us()) < 1_000_000, "a log that rested is the rule");
    assert!(clock.earliest_us() < knew_us + 10_000_000);
    assert!(clock.deletion_doubt().unwrap().needs_word);
    clock.set_jump_max(std::time::Duration::from_secs(41 * 24 * 3600));
    assert!(!clock.deletion_doubt().unwrap().needs_word);
}

#[test]
fn a_wall_clock_that_steps_back_is_approached_without_stepping() {
    let (_dir, clock) = clock(0);
    let before = clock.now_us();
    clock.anchor_to(before - HOUR_US);
    let after = clock.now_us();
    assert!(after >= before && after < before + 1_000_000);
    assert_eq!(clock.page.word(clock_at::RATE_PPM).load(Ordering::Relaxed) as i64, SLEW_BACK_PPM);
}

#[test]
fn it_never_steps_back_for_readers_beside_a_restless_keeper() {
    let (_dir, clock) = clock(0);
    thread::scope(|scope| {
        let keeper = scope.spawn(|| {
            for turn in 0..20_000_u64 {
                let now = clock.now_us();
                clock.anchor_to(if turn % 3 == 0 { now + 5 } else { now - 1_000 });
            }
        });
        let mut last = 0;
        while !keeper.is_finished() {
            let now = clock.now_us();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
    });
}

#[test]
fn the_page_tells_other_processes_the_same_time() {
    let (dir, clock) = clock(0);
    let view = ClockView::open(&dir.path().join("clock")).unwrap();
    let (before, seen, after) = (clock.now_us(), view.now_us().unwrap(), clock.now_us());
    assert!(before <= seen && seen <= after);
}

#[test]
fn a_page_left_by_a_killed_server_is_set_up_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clock");
    let old = OrderClock::start(&path, 0).unwrap();
    old.page.word(clock_at::SEQ).fetch_add(1, Ordering::SeqCst);
    drop(old);
    let clock = OrderClock::start(&path, 0).unwrap();
    assert!(clock.now_us().abs_diff(wall_us()) < 1_000_000);
}

#[test]
fn a_torn_or_foreign_page_is_set_up_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clock");
    for (what, bytes) in
        [("foreign", vec![0xff; PAGE_BYTES]), ("short", vec![7; 100]), ("long", vec![7; 9000]), ("empty", vec![])]
    {
        std::fs::write(&path, bytes).unwrap();
        let clock = OrderClock::start(&path, 0).unwrap();
        assert!(clock.now_us().abs_diff(wall_us()) < 1_000_000, "{what}");
        let (before_us, seen_us) = (clock.now_us(), ClockView::open(&path).unwrap().now_us().unwrap());
        assert!(before_us <= seen_us && seen_us <= clock.now_us(), "{what}");
    }
}

/// A clock page in memory.
#[derive(Default)]
struct Memory([AtomicU64; 8]);

impl Words for Memory {
    fn load(&self, at: usize, order: Ordering) -> u64 {
        self.0[at / 8].load(order)
    }

    fn store(&self, at: usize, word: u64, order: Ordering) {
        self.0[at / 8].store(word, order);
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}

impl Page for Memory {
    fn copy(&self, into: &mut [u8]) -> Option<()> {
        for (bytes, word) in into.chunks_exact_mut(8).zip(&self.0) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        Some(())
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}

/// A machine with a clock of each kind, and a server that keeps order time on it.
struct Machine {
    page: Memory,
    mono_us: Cell<u64>,
    wall_us: f64,
    /// How fast the wall clock runs wrong, in parts per million of true time.
    drift_ppm: f64,
    next_anchor_us: u64,
    last_us: u64,
    /// The newest record of each core.
    newest_us: [u64; 2],
}

const SECOND_US: u64 = 1_000_000;

impl Machine {
    fn new() -> Machine {
        let machine = Machine {
            page: Memory::default(),
            mono_us: Cell::new(5_000_000),
            wall_us: 1.7e15,
            drift_ppm: 0.0,
            next_anchor_us: 6_000_000,
            last_us: 0,
            newest_us: [0; 2],
        };
        start_clock(&machine.page, || machine.mono_us.get(), machine.wall(), 0);
        machine
    }

    fn wall(&self) -> u64 {
        self.wall_us as u64
    }

    /// Order time, the same for a core and for another process, and never smaller than it was.
    fn order(&mut self) -> u64 {
        let order_us = try_order_us(&self.page, || self.mono_us.get()).unwrap();
        assert_eq!(read_clock(&self.page, || self.mono_us.get(), 1).unwrap().now_us, order_us);
        assert!(order_us >= self.last_us, "{order_us} after {}", self.last_us);
        self.last_us = order_us;
        order_us
    }

    /// Lets time pass, with a keeper that anchors once a second.
    fn run(&mut self, mut us: u64) {
        while us > 0 {
            let piece_us = us.min(self.next_anchor_us - self.mono_us.get());
            let before_us = self.order();
            self.mono_us.set(self.mono_us.get() + piece_us);
            self.wall_us += piece_us as f64 * (1.0 + self.drift_ppm / 1e6);
            us -= piece_us;
            let passed_us = self.order() - before_us;
            let least_us = piece_us - piece_us * SLEW_BACK_PPM.unsigned_abs() / 1_000_000;
            assert!((least_us.saturating_sub(1)..=piece_us + 1).contains(&passed_us), "{passed_us} in {piece_us}");
            if self.mono_us.get() == self.next_anchor_us {
                self.next_anchor_us += SECOND_US;
                let (before_us, wall_us) = (self.order(), self.wall());
                set_clock(&self.page, || self.mono_us.get(), wall_us, SLEW_BACK_PPM);
                assert_eq!(self.order(), before_us.max(wall_us), "forward at once, backward not at all");
            }
        }
    }

    fn append(&mut self, core: usize) {
        let order_us = self.order();
        let newest_us = self.newest_us.into_iter().max().unwrap();
        assert!(order_us >= newest_us, "a record received later would leave earlier");
        self.newest_us[core] = order_us;
    }

    /// The server starts again, perhaps on a machine that did. What the page says is of no use then.
    fn restart(&mut self, boots: bool) {
        if boots {
            self.mono_us.set(1_000_000);
        }
        self.next_anchor_us = self.mono_us.get() + SECOND_US;
        let newest_us = self.newest_us.into_iter().max().unwrap();
        start_clock(&self.page, || self.mono_us.get(), self.wall(), newest_us);
        // Times that no record bears need not be kept.
        self.last_us = newest_us + 1;
        assert!(self.order() > newest_us);
    }
}

/// What may happen to a machine.
#[derive(Debug, Clone)]
enum Event {
    Run(u64),
    Step(f64),
    Drift(f64),
    Append(usize),
    Restart { boots: bool },
}

fn event() -> impl Strategy<Value = Event> {
    let (hour, year) = (3.6e9, 3.15e13);
    prop_oneof![
        4 => (1..5_000_000_u64).prop_map(Event::Run),
        1 => (-hour..hour).prop_map(Event::Step),
        1 => Just(Event::Step(-hour)),
        1 => Just(Event::Step(year)),
        1 => Just(Event::Step(-year)),
        1 => (-2000.0..2000.0).prop_map(Event::Drift),
        4 => (0..2_usize).prop_map(Event::Append),
        1 => any::<bool>().prop_map(|boots| Event::Restart { boots }),
    ]
}

proptest! {
    /// Whatever the wall clock does, order time moves on between its bounds, and the records of two cores keep the order in which
    /// they were received, over restarts too.
    #[test]
    fn order_time_never_steps_back_whatever_the_wall_clock_does(events in proptest::collection::vec(event(), 1..60)) {
        let mut machine = Machine::new();
        for event in events {
            match event {
                Event::Run(us) => machine.run(us),
                Event::Step(us) => machine.wall_us = (machine.wall_us + us).max(0.0),
                Event::Drift(ppm) => machine.drift_ppm = ppm,
                Event::Append(core) => machine.append(core),
                Event::Restart { boots } => machine.restart(boots),
            }
        }
    }
}

#[test]
fn a_wall_clock_that_steps_back_is_met_again_at_the_rate_of_slewing() {
    let mut machine = Machine::new();
    machine.run(10 * SECOND_US);
    machine.wall_us -= 1e6;
    // A second at 500 parts in a million: 2,000 seconds.
    machine.run(1_990 * SECOND_US);
    assert!(machine.order() > machine.wall());
    machine.run(20 * SECOND_US);
    assert!(machine.order().abs_diff(machine.wall()) <= 1);
}

#[test]
fn a_wall_clock_that_drifts_is_followed_within_a_second_of_drift() {
    for drift_ppm in [-300.0, -20.0, 20.0, 300.0] {
        let mut machine = Machine::new();
        machine.drift_ppm = drift_ppm;
        for _ in 0..1000 {
            machine.run(SECOND_US);
            assert!(machine.order().abs_diff(machine.wall()) <= 600, "{drift_ppm}");
        }
    }
}
