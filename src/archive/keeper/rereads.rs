//! What looks damaged is read again before it is stepped over: a disk or a network may fail for a moment.

use std::collections::{BTreeMap, BTreeSet};

/// How often a segment is read again. With the pauses in between that takes some seconds.
const TRIES: u8 = 4;

/// Once so many segments were damaged however often they were read, others are not read again: the log is what is broken.
const GIVEN_UP_MAX: usize = 32;

/// The segments that looked damaged, by core and id, and how often each was read again.
#[derive(Default)]
pub struct Rereads {
    tries: BTreeMap<(u16, u64), u8>,
    given_up: BTreeSet<(u16, u64)>,
}

impl Rereads {
    /// Whether the log must be read again, because one of these segments looks damaged and was not read often enough.
    pub fn are_due(&mut self, damaged: &BTreeSet<(u16, u64)>) -> bool {
        let mut due = false;
        for &segment in damaged.iter().filter(|segment| !self.given_up.contains(segment)) {
            let tries = self.tries.entry(segment).or_default();
            if *tries < TRIES && self.given_up.len() < GIVEN_UP_MAX {
                *tries += 1;
                due = true;
            }
        }
        if !due {
            self.tries.retain(|segment, _| !damaged.contains(segment));
            if self.given_up.len() < GIVEN_UP_MAX {
                self.given_up.extend(damaged);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_segment_is_read_a_few_times_and_a_broken_log_soon_no_more() {
        let mut rereads = Rereads::default();
        assert!(!rereads.are_due(&BTreeSet::new()));
        let tries = |rereads: &mut Rereads, segment: u64| {
            (0..).find(|_| !rereads.are_due(&BTreeSet::from([(0, segment)]))).unwrap()
        };
        assert_eq!((tries(&mut rereads, 1), tries(&mut rereads, 1)), (u64::from(TRIES), 0));
        let sum: u64 = (2..1000).map(|segment| tries(&mut rereads, segment)).sum();
        assert_eq!(sum, u64::from(TRIES) * (GIVEN_UP_MAX as u64 - 1));
        assert!(rereads.tries.is_empty() && rereads.given_up.len() <= GIVEN_UP_MAX);
    }
}
