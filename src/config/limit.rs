//! A rate with its burst, as an operator writes it: `20/s burst 600`, `1MiB/s burst 64MiB`, `5/h burst 10`.

use std::fmt;

use super::value;

/// So many units in each period, and so many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Units that come back in each period; at least 1.
    pub units: u64,
    /// The period.
    pub per: Period,
    /// Units that may be used at once; at least 1.
    pub burst: u64,
}

/// What a rate counts by.
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
    /// How long it is.
    pub const fn nanoseconds(self) -> u64 {
        match self {
            Self::Second => 1_000_000_000,
            Self::Minute => 60 * 1_000_000_000,
            Self::Hour => 3600 * 1_000_000_000,
        }
    }
}

impl Limit {
    /// Reads a limit; `off` and `0` are none.
    pub(super) fn read(text: &str) -> Result<Option<Limit>, String> {
        let problem = || "expected a rate and a burst, such as \"20/s burst 600\", \"1MiB/m burst 64MiB\", or \"off\"";
        if matches!(text, "off" | "0") {
            return Ok(None);
        }
        let (rate, burst) = text.split_once(" burst ").ok_or_else(problem)?;
        let (units, per) = rate.trim().rsplit_once('/').ok_or_else(problem)?;
        let per = match per.trim() {
            "s" => Period::Second,
            "m" | "min" => Period::Minute,
            "h" => Period::Hour,
            _ => return Err(problem().to_owned()),
        };
        let (units, burst) = (value::size::<u64>(units.trim())?, value::size::<u64>(burst.trim())?);
        if units == 0 || burst == 0 {
            return Err("rate and burst must be at least 1; \"off\" stands for no limit".to_owned());
        }
        Ok(Some(Limit { units, per, burst }))
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
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_rate_and_a_burst() {
        let limit = |units, per, burst| Ok(Some(Limit { units, per, burst }));
        for (text, read) in [
            ("20/s burst 600", limit(20, Period::Second, 600)),
            ("5/m burst 1", limit(5, Period::Minute, 1)),
            ("1/h burst 2", limit(1, Period::Hour, 2)),
            ("1MiB/s burst 64MiB", limit(1 << 20, Period::Second, 64 << 20)),
            ("off", Ok(None)),
            ("0", Ok(None)),
        ] {
            assert_eq!(Limit::read(text), read, "{text}");
        }
        for text in [
            "",
            "20",
            "20/s",
            "20 burst 5",
            "20/d burst 5",
            "0/s burst 5",
            "5/s burst 0",
            "x/s burst 5",
            "-1/s burst 5",
        ] {
            assert!(Limit::read(text).is_err(), "{text}");
        }
        let limit = Limit::read("5/m burst 7").expect("valid").expect("is one");
        assert_eq!(Limit::read(&limit.to_string()), Ok(Some(limit)));
    }
}
