//! Pauses between attempts: they double up to a cap, and are spread at random, so that many servers do not come back at the same moment.

use std::time::Duration;

/// The pause after the first failure.
pub const FIRST: Duration = Duration::from_millis(100);

/// The longest pause. A destination that is back is noticed within this time.
pub const MAX: Duration = Duration::from_secs(10);

/// The next pause.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// Counts a failure and returns the pause after it: between half of the nominal one and all of it.
    pub fn failed(&mut self) -> Duration {
        let nominal = self.next;
        self.next = (nominal * 2).min(MAX);
        nominal / 2 + nominal.mul_f64(random_share() / 2.0)
    }

    /// Forgets earlier failures.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A random number from 0 to 1.
fn random_share() -> f64 {
    // Without randomness, all pause for the same time: no harm but a little load.
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_cap_and_no_two_servers_keep_step() {
        let mut backoff = Backoff::default();
        let mut nominal = FIRST;
        for _ in 0..20 {
            let pause = backoff.failed();
            assert!(pause >= nominal / 2 && pause <= nominal, "{pause:?} of {nominal:?}");
            nominal = (nominal * 2).min(MAX);
        }
        assert_eq!(nominal, MAX);
        backoff.reset();
        assert!(backoff.failed() <= FIRST);
        let pauses: std::collections::BTreeSet<Duration> = (0..50).map(|_| Backoff::default().failed()).collect();
        assert!(pauses.len() > 1);
    }
}
