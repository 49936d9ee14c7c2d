//! One token bucket, kept as a single number: the moment at which it will be full again (GCRA, the generic cell rate
//! algorithm of ATM). A bucket that is full needs no memory at all, and time fills it without anybody's help.

use crate::config::Limit;

/// Nanoseconds a unit are kept in 2^-20 of one: gigabytes a second are still exact to a hundred-thousandth.
const FRACTION_BITS: u32 = 20;

/// How a bucket is filled, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What a unit costs, in nanoseconds and their fractions.
    unit: u64,
    /// How long an empty bucket takes to be full.
    full_ns: u64,
}

impl Rate {
    /// The rate of a limit, and the same divided among `shares` cores. A bucket holds one unit at least.
    pub fn new(limit: Limit, shares: u64) -> Rate {
        let period = u128::from(limit.per.nanoseconds()) << FRACTION_BITS;
        let unit = period * u128::from(shares.max(1)) / u128::from(limit.units.max(1));
        let unit = u64::try_from(unit).unwrap_or(u64::MAX).max(1);
        let burst = limit.burst.div_ceil(shares.max(1)).max(1);
        Rate { unit, full_ns: cost_ns(unit, burst).max(1) }
    }

    /// What it takes to use `units` at `now_ns` of a bucket that is full at `full_at_ns`.
    ///
    /// More units than the bucket holds cost all of it: a request must not be impossible.
    pub fn charge(&self, full_at_ns: u64, now_ns: u64, units: u64) -> Charge {
        let cost_ns = cost_ns(self.unit, units).min(self.full_ns);
        let full_at_ns = full_at_ns.max(now_ns).saturating_add(cost_ns);
        Charge { full_at_ns, wait_ns: full_at_ns.saturating_sub(now_ns.saturating_add(self.full_ns)) }
    }
}

/// A charge that has not been made yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// When the bucket is full again, if it is made.
    pub full_at_ns: u64,
    /// How long until the bucket holds what it costs.
    pub wait_ns: u64,
}

fn cost_ns(unit: u64, units: u64) -> u64 {
    u64::try_from((u128::from(unit) * u128::from(units)) >> FRACTION_BITS).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::config::value::limit;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(text: &str) -> Rate {
        Rate::new(limit(text).expect("valid").expect("a limit"), 1)
    }

    /// Uses one unit at each of these moments; how many of them did not have to wait.
    fn taken(rate: Rate, moments: impl IntoIterator<Item = u64>) -> usize {
        let mut full_at = 0;
        let mut take = |now| {
            let charge = rate.charge(full_at, now, 1);
            if charge.wait_ns == 0 {
                full_at = charge.full_at_ns;
            }
            charge.wait_ns == 0
        };
        moments.into_iter().filter(|&now| take(now)).count()
    }

    #[test]
    fn a_burst_is_there_at_once_and_the_rate_behind_it() {
        let rate = rate("2/s burst 5");
        assert_eq!(taken(rate, [SECOND; 9]), 5);
        assert_eq!(taken(rate, [SECOND; 9].into_iter().chain([2 * SECOND; 9])), 7);
        assert_eq!(taken(rate, [SECOND; 9].into_iter().chain([1000 * SECOND; 9])), 10, "no more than a burst gathers");
    }

    #[test]
    fn the_wait_is_the_time_until_a_unit_is_there() {
        let rate = rate("2/s burst 1");
        let first = rate.charge(0, SECOND, 1);
        assert_eq!(first.wait_ns, 0);
        assert_eq!(rate.charge(first.full_at_ns, SECOND, 1).wait_ns, SECOND / 2);
        assert_eq!(rate.charge(first.full_at_ns, SECOND + SECOND / 2, 1).wait_ns, 0);
    }

    #[test]
    fn more_than_the_bucket_holds_costs_all_of_it_and_no_more() {
        let rate = rate("1MiB/s burst 4MiB");
        let charge = rate.charge(0, SECOND, 1 << 40);
        assert_eq!((charge.wait_ns, charge.full_at_ns), (0, 5 * SECOND));
    }

    #[test]
    fn cores_share_a_rate_and_each_has_a_unit_at_least() {
        let limit = limit("8/s burst 3").expect("valid").expect("a limit");
        let rate = Rate::new(limit, 4);
        assert_eq!(taken(rate, [SECOND; 9]), 1);
        assert_eq!(taken(rate, [SECOND, SECOND + SECOND / 2, SECOND * 2]), 3);
    }

    #[test]
    fn great_rates_are_exact() {
        let rate = rate("4GiB/s burst 8GiB");
        let charge = rate.charge(0, SECOND, 4 << 30);
        assert!(charge.full_at_ns.abs_diff(2 * SECOND) < SECOND / 100_000, "{charge:?}");
        assert!(rate.charge(0, u64::MAX - 5, u64::MAX).full_at_ns > 0, "nothing overflows");
    }

    proptest! {
        /// Whatever the moments: in any span of time no more is taken than the burst and the rate allow.
        #[test]
        fn no_pattern_takes_more_than_burst_and_rate(steps in prop::collection::vec(0u64..2 * SECOND, 1..200)) {
            let rate = rate("3/s burst 7");
            let mut now = SECOND;
            let mut moments = Vec::new();
            for step in steps {
                now += step;
                moments.push(now);
            }
            let span = moments[moments.len() - 1] - moments[0];
            let most = 7 + (span as u128 * 3 / u128::from(SECOND)) as usize + 1;
            prop_assert!(taken(rate, moments) <= most);
        }
    }
}
