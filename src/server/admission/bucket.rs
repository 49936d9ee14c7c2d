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
mod tests;
