//! What is believed of the wall clock. It is set by others, and may be wrong for a while: by a time server, a hypervisor, a hand.
//!
//! Once a second the keeper reads it beside a clock that only runs (`CLOCK_BOOTTIME`, which goes on while the machine is suspended). A reading may move
//! what is believed by a second. What lies further off is believed when it has held for [`CONFIRM`], and forward, beyond the operator's
//! `clock_jump_max`, not at all until he raises that.
//!
//! Two times are kept, because a start has a single reading. **Served** time begins with it: records, ids and tokens follow it. **Known** time begins where the
//! log last knew the time to be (the clock page, else its newest record), so what is old enough to be deleted is never decided by one reading.

use std::time::Duration;

/// How far one reading may move what is believed.
const STEP_US: i64 = 1_000_000;

/// How long a clock that has jumped must run on steadily before it is believed.
pub(in crate::log) const CONFIRM: Duration = Duration::from_secs(600);

/// No clock that is set shows a time before this: February 2019, where session ids begin.
const PLAUSIBLE_FROM_US: u64 = 1_550_000_000_000_000;

/// A wall clock that is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockDoubt {
    /// How far it is ahead of the trusted time, in microseconds; negative if behind.
    pub ahead_us: i64,
    /// Only the operator can settle it, by a larger `clock_jump_max`.
    pub needs_word: bool,
}

/// What is believed, as offsets to the clock that only runs, in microseconds.
#[derive(Debug)]
pub(in crate::log) struct Judge {
    served: i64,
    known: i64,
    /// The furthest ahead that known time has been: the way back there, after a clock that was slow, is no jump.
    reached: i64,
    /// The course of the wall clock, and since when it has held it.
    course: i64,
    since_us: u64,
    plausible: bool,
}

impl Judge {
    /// Begins with one reading, and with when the log last knew the time; None for a log that knows none.
    pub(in crate::log) fn start(boot_us: u64, wall_us: u64, known_us: Option<u64>) -> Judge {
        let course = offset(wall_us, boot_us);
        let known = known_us.map_or(course, |known_us| offset(known_us, boot_us));
        Judge { served: course, known, reached: known, course, since_us: boot_us, plausible: is_plausible(wall_us) }
    }

    /// Takes a reading.
    pub(in crate::log) fn look(&mut self, boot_us: u64, wall_us: u64, jump_max: Duration) {
        let course = offset(wall_us, boot_us);
        let was_plausible = std::mem::replace(&mut self.plausible, is_plausible(wall_us));
        if !self.plausible {
            return;
        }
        if !was_plausible || course.abs_diff(self.course) > STEP_US.unsigned_abs() {
            self.since_us = boot_us;
        }
        self.course = course;
        let confirmed = boot_us.saturating_sub(self.since_us) >= CONFIRM.as_micros() as u64;
        let jump_max = i64::try_from(jump_max.as_micros()).unwrap_or(i64::MAX);
        // Where no plausible time has been served yet, the first is as good as that of a start; and where none was known, any that has held.
        let (unserved, unknown) = (!is_plausible(self.served_us(boot_us)), !is_plausible(self.known_us(boot_us)));
        let back = course <= self.reached.saturating_add(STEP_US);
        for (believed, at_once, any) in [(&mut self.served, unserved, false), (&mut self.known, false, unknown)] {
            let jump = course.saturating_sub(*believed);
            if at_once || jump.abs() <= STEP_US || (confirmed && (jump <= jump_max || back || any)) {
                *believed = course;
            }
        }
        self.reached = self.reached.max(self.known);
    }

    /// The time that records, ids and tokens go by.
    pub(in crate::log) fn served_us(&self, boot_us: u64) -> u64 {
        at(self.served, boot_us)
    }

    /// No later than it can be, as far as the log knows.
    pub(in crate::log) fn known_us(&self, boot_us: u64) -> u64 {
        at(self.known, boot_us)
    }

    /// The earliest that it may be: what is older than that is old.
    pub(in crate::log) fn earliest_us(&self, boot_us: u64) -> u64 {
        at(self.known.min(self.served).min(self.course), boot_us)
    }

    /// The latest that it may be: what is received now was not received later.
    pub(in crate::log) fn latest_us(&self, boot_us: u64) -> u64 {
        at(self.known.max(self.served).max(self.course), boot_us)
    }

    /// Whether the wall clock is off the time that is served.
    pub(in crate::log) fn served_doubt(&self, jump_max: Duration) -> Option<ClockDoubt> {
        self.doubt(self.served, jump_max)
    }

    /// Whether the wall clock is off the time that deletion goes by.
    pub(in crate::log) fn known_doubt(&self, jump_max: Duration) -> Option<ClockDoubt> {
        self.doubt(self.known, jump_max)
    }

    fn doubt(&self, believed: i64, jump_max: Duration) -> Option<ClockDoubt> {
        let ahead_us = self.course.saturating_sub(believed);
        let jump_max_us = i64::try_from(jump_max.as_micros()).unwrap_or(i64::MAX);
        let back = self.course <= self.reached.saturating_add(STEP_US);
        let unknown = believed == self.known && !is_plausible(at(believed, self.since_us));
        let needs_word = ahead_us > jump_max_us && !back && !unknown;
        (ahead_us.abs() > STEP_US).then_some(ClockDoubt { ahead_us, needs_word })
    }
}

/// Whether a clock that shows this has been set at all.
pub(in crate::log) fn is_plausible(wall_us: u64) -> bool {
    wall_us >= PLAUSIBLE_FROM_US
}

fn offset(wall_us: u64, boot_us: u64) -> i64 {
    let wall = i64::try_from(wall_us).unwrap_or(i64::MAX);
    wall.saturating_sub(i64::try_from(boot_us).unwrap_or(i64::MAX))
}

fn at(offset: i64, boot_us: u64) -> u64 {
    boot_us.saturating_add_signed(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;
    const HOUR_US: u64 = 3_600 * SECOND_US;
    const DAY_US: u64 = 24 * HOUR_US;
    /// When the machines of these tests are started.
    const NOW_US: u64 = 1_790_000_000 * SECOND_US;
    const JUMP_MAX: Duration = Duration::from_secs(24 * 3600);

    /// A machine that was started at [`NOW_US`], its wall clock off by so much, and looked at once a second.
    struct Machine {
        judge: Judge,
        boot_us: u64,
        off_us: i64,
        jump_max: Duration,
    }

    impl Machine {
        fn new(off_us: i64, known_us: Option<u64>) -> Machine {
            let judge = Judge::start(0, NOW_US.saturating_add_signed(off_us), known_us);
            Machine { judge, boot_us: 0, off_us, jump_max: JUMP_MAX }
        }

        fn run(&mut self, seconds: u64) {
            for _ in 0..seconds {
                self.boot_us += SECOND_US;
                self.judge.look(
                    self.boot_us,
                    (NOW_US + self.boot_us).saturating_add_signed(self.off_us),
                    self.jump_max,
                );
            }
        }

        /// How far what is believed is off true time: served, known, earliest, latest.
        fn off(&self) -> [i64; 4] {
            let judge = &self.judge;
            let times = [judge.served_us(self.boot_us), judge.known_us(self.boot_us)];
            let bounds = [judge.earliest_us(self.boot_us), judge.latest_us(self.boot_us)];
            [times[0], times[1], bounds[0], bounds[1]].map(|us| us as i64 - (NOW_US + self.boot_us) as i64)
        }
    }

    const DAYS_40: i64 = 40 * DAY_US as i64;

    #[test]
    fn a_wall_clock_that_was_wrong_for_a_while_moves_nothing() {
        for off_us in [DAYS_40, HOUR_US as i64, -DAYS_40, -(NOW_US as i64)] {
            let mut machine = Machine::new(0, None);
            machine.run(100);
            machine.off_us = off_us;
            machine.run(300);
            let [served, known, earliest, latest] = machine.off();
            assert_eq!((served, known), (0, 0), "{off_us}");
            assert!(earliest <= 0 && latest >= 0);
            machine.off_us = 0;
            machine.run(1);
            assert_eq!(machine.off(), [0; 4]);
        }
    }

    #[test]
    fn a_jump_is_believed_when_it_has_held() {
        for off_us in [HOUR_US as i64, -(HOUR_US as i64), -DAYS_40] {
            let mut machine = Machine::new(0, None);
            machine.off_us = off_us;
            machine.run(590);
            assert_eq!(machine.off()[..2], [0, 0]);
            assert!(!machine.judge.served_doubt(JUMP_MAX).unwrap().needs_word);
            machine.run(20);
            assert_eq!(machine.off(), [off_us; 4]);
            assert_eq!(machine.judge.served_doubt(JUMP_MAX), None);
        }
    }

    #[test]
    fn a_clock_that_moves_about_confirms_nothing() {
        let mut machine = Machine::new(0, None);
        for turn in 0..10 {
            machine.off_us = HOUR_US as i64 * (1 + turn % 2);
            machine.run(500);
        }
        assert_eq!(machine.off()[..3], [0; 3]);
    }

    #[test]
    fn a_jump_beyond_the_limit_takes_the_operators_word() {
        let mut machine = Machine::new(0, None);
        machine.off_us = DAYS_40;
        machine.run(100_000);
        assert_eq!(machine.off()[..2], [0, 0]);
        assert_eq!(machine.judge.known_doubt(JUMP_MAX), Some(ClockDoubt { ahead_us: DAYS_40, needs_word: true }));
        machine.jump_max = Duration::from_secs(41 * 24 * 3600);
        machine.run(1);
        assert_eq!(machine.off(), [DAYS_40; 4]);
    }

    #[test]
    fn a_start_serves_the_wall_clock_and_deletes_by_what_it_knows() {
        // Down for an hour.
        let mut machine = Machine::new(0, Some(NOW_US - HOUR_US));
        assert_eq!(machine.off(), [0, -(HOUR_US as i64), -(HOUR_US as i64), 0]);
        machine.run(601);
        assert_eq!(machine.off(), [0; 4]);
        // Started while the wall clock was wrong.
        let mut machine = Machine::new(DAYS_40, Some(NOW_US - HOUR_US));
        machine.run(1_000);
        assert_eq!(machine.off()[1..3], [-(HOUR_US as i64); 2]);
        machine.off_us = 0;
        machine.run(1_000);
        assert_eq!(machine.off(), [0; 4], "the way back");
        // What the log knows may be wrong too.
        let mut machine = Machine::new(0, Some(NOW_US + DAY_US * 12_000));
        assert_eq!(machine.off()[2], 0, "the wall clock alone is too late for nothing");
        machine.run(601);
        assert_eq!(machine.off(), [0; 4]);
    }

    #[test]
    fn a_clock_that_is_not_set_yet_is_not_heard() {
        let mut machine = Machine::new(-(NOW_US as i64), Some(NOW_US - HOUR_US));
        machine.run(5_000);
        assert_eq!(machine.off()[1], -(HOUR_US as i64));
        machine.off_us = 0;
        machine.run(1);
        assert_eq!(machine.off()[0], 0, "the first plausible time is served at once");
    }

    #[test]
    fn a_new_log_that_began_before_the_clock_was_set_learns_the_time() {
        let mut machine = Machine::new(-(NOW_US as i64), None);
        machine.run(100);
        machine.off_us = 0;
        machine.run(1);
        let doubt = machine.judge.known_doubt(JUMP_MAX).unwrap();
        assert!(!doubt.needs_word, "it passes by itself: {doubt:?}");
        machine.run(601);
        assert_eq!(machine.off(), [0; 4]);
    }

    #[test]
    fn a_clock_that_was_slow_for_long_finds_the_way_back() {
        let mut machine = Machine::new(0, None);
        machine.off_us = -DAYS_40;
        machine.run(1_000);
        assert_eq!(machine.off(), [-DAYS_40; 4]);
        machine.off_us = 0;
        machine.run(10);
        assert_eq!(machine.off()[..2], [-DAYS_40; 2]);
        assert!(!machine.judge.served_doubt(JUMP_MAX).unwrap().needs_word);
        machine.run(601);
        assert_eq!(machine.off(), [0; 4]);
        // Further than it ever was takes the operator's word as before.
        machine.off_us = DAYS_40;
        machine.run(1_000);
        assert_eq!(machine.off()[..2], [0, 0]);
    }

    #[test]
    fn a_clock_that_drifts_or_sleeps_with_the_machine_is_followed() {
        let mut machine = Machine::new(0, None);
        for _ in 0..100 {
            machine.off_us += 300_000;
            machine.run(1);
            assert_eq!(machine.off()[..2], [machine.off_us; 2]);
        }
        machine.boot_us += 3 * DAY_US;
        machine.run(1);
        assert_eq!(machine.off()[..2], [machine.off_us; 2], "suspended, and no jump");
    }
}
