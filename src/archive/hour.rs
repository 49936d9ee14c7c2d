//! The hour that a row belongs to, and its folder.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

const HOUR_US: u64 = 3_600_000_000;

/// An hour of reception, in UTC: hours since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u64);

impl Hour {
    /// The hour of a time in microseconds since the Unix epoch.
    pub const fn of_us(us: u64) -> Self {
        Self(us / HOUR_US)
    }

    /// When it ends, in microseconds since the Unix epoch.
    pub const fn end_us(self) -> u64 {
        (self.0.saturating_add(1)).saturating_mul(HOUR_US)
    }

    /// Its day, `2026-11-29`, and its hour, `08`. A time beyond the year 9999 counts to the last hour of that year.
    pub fn date_and_hour(self) -> (String, String) {
        let seconds = i64::try_from(self.0.saturating_mul(3600)).unwrap_or(i64::MAX);
        let last = Timestamp::MAX.as_second() - 3600;
        let time = Timestamp::from_second(seconds.min(last)).unwrap_or(Timestamp::UNIX_EPOCH);
        let time = TimeZone::UTC.to_datetime(time);
        (format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.day()), format!("{:02}", time.hour()))
    }
}

/// The folders of the hour below a table's: `date=2026-11-29/hour=08`.
impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, hour) = self.date_and_hour();
        write!(f, "date={date}/hour={hour}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_its_folder_in_utc_and_no_time_is_without_one() {
        let hour = Hour::of_us(1_764_406_800_000_000 + HOUR_US - 1);
        assert_eq!(hour.to_string(), "date=2025-11-29/hour=09");
        assert_eq!(hour.end_us(), 1_764_406_800_000_000 + HOUR_US);
        assert_eq!(Hour::of_us(0).to_string(), "date=1970-01-01/hour=00");
        assert!(Hour::of_us(u64::MAX).to_string().starts_with("date=9999-12-30"));
    }
}
