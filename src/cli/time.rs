//! Points in time on the command line.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::value;

/// Parses a time, in microseconds since 1970.
pub fn time_us(text: &str) -> Result<u64, String> {
    let problem = || "expected a time such as 2026-11-29, 2026-11-29T06:00:00Z, or 36h (ago)".to_owned();
    if let Ok(ago) = value::duration(text) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return u64::try_from(now.saturating_sub(ago).as_micros()).map_err(|_| problem());
    }
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) => {
            let date: Date = text.parse().map_err(|_| problem())?;
            TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| problem())?
        }
    };
    u64::try_from(time.as_microsecond()).map_err(|_| problem())
}

/// A time to the microsecond, as [`time_us`] parses it.
pub fn exact(us: u64) -> String {
    let time = i64::try_from(us).ok().and_then(|us| Timestamp::from_microsecond(us).ok());
    time.map_or_else(|| us.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_an_instant_or_how_long_ago() {
        assert_eq!(time_us("1970-01-02"), Ok(86_400_000_000));
        assert_eq!(time_us("1970-01-01T00:00:01Z"), Ok(1_000_000));
        assert_eq!(time_us("1970-01-01T01:00:01+01:00"), Ok(1_000_000));
        let hour_ago = time_us("1h").unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        assert!(now - hour_ago >= 3_600_000_000 && now - hour_ago < 3_700_000_000);
        for wrong in ["", "yesterday", "2026-13-01", "1969-12-31"] {
            assert!(time_us(wrong).unwrap_err().contains("2026-11-29"), "{wrong}");
        }
    }

    #[test]
    fn a_time_that_is_printed_is_read_as_the_same() {
        for us in [0, 1, 1_000_000, 1_795_581_300_416_378] {
            assert_eq!(time_us(&exact(us)), Ok(us));
        }
    }
}
