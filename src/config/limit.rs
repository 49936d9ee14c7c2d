//! A rate with its burst, as operators write it: `20/s burst 600`, `1MiB/s burst 64MiB`, `5/h burst 10`.

use std::fmt;

/// A token bucket: the units refilled in each period, and the bucket's capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Units refilled in each period; at least 1.
    pub units: u64,
    /// The period.
    pub per: Period,
    /// Units that may be spent at once; at least 1.
    pub burst: u64,
}

/// The period of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Period {
    /// The period's length.
    pub const fn nanoseconds(self) -> u64 {
        match self {
            Self::Second => 1_000_000_000,
            Self::Minute => 60 * 1_000_000_000,
            Self::Hour => 3600 * 1_000_000_000,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Period::Second => "s",
            Period::Minute => "m",
            Period::Hour => "h",
        };
        write!(f, "{}/{per} burst {}", self.units, self.burst)
    }
}

#[cfg(test)]
mod tests;
