//! One token bucket, stored as a single number: the time at which it will be full again (GCRA, the generic cell rate algorithm of ATM). A
//! full bucket needs no memory at all, and buckets refill with time alone, without any work.

use crate::config::Limit;

/// Nanoseconds per unit are stored in steps of 2^-20: rates of gigabytes per second are still exact to one part in a hundred thousand.
const FRACTION_BITS: u32 = 20;

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Cost of one unit, in nanoseconds as a fixed-point number.
    unit: u64,
    /// How long an empty bucket takes to fill up.
    full_ns: u64,
}

impl Rate {
    /// The rate of a limit, divided among `shares` cores. A bucket holds at least one unit.
    pub fn new(limit: Limit, shares: u64) -> Rate {
        let period = u128::from(limit.per.nanoseconds()) << FRACTION_BITS;
        let unit = period * u128::from(shares.max(1)) / u128::from(limit.units.max(1));
        let unit = u64::try_from(unit).unwrap_or(u64::MAX).max(1);
        let burst = limit.burst.div_ceil(shares.max(1)).max(1);
        Rate { unit, full_ns: cost_ns(unit, burst).max(1) }
    }

    /// What it takes to use `units` at `now_ns` from a bucket that will be full at `full_at_ns`.
    ///
    /// More units than the bucket can hold cost the whole bucket: no request may be impossible to serve.
    #[inline]
    pub fn charge(&self, full_at_ns: u64, now_ns: u64, units: u64) -> Charge {
        let cost_ns = cost_ns(self.unit, units).min(self.full_ns);
        let full_at_ns = full_at_ns.max(now_ns).saturating_add(cost_ns);
        Charge { full_at_ns, wait_ns: full_at_ns.saturating_sub(now_ns.saturating_add(self.full_ns)) }
    }
}

/// A charge that has not been applied yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// When the bucket will be full again if the charge is applied.
    pub full_at_ns: u64,
    /// How long until the bucket holds enough for it.
    pub wait_ns: u64,
}

#[inline]
fn cost_ns(unit: u64, units: u64) -> u64 {
    u64::try_from((u128::from(unit) * u128::from(units)) >> FRACTION_BITS).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
