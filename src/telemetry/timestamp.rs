//! The `ts` of a log line: `2006-01-02 15:04:05.000` in the server's time zone.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};

/// Formats times, caching the last second, which most lines share.
#[derive(Debug)]
pub struct TimestampFormat {
    zone: TimeZone,
    second: i64,
    /// The text of `second`, up to and including the point before the milliseconds.
    text: String,
}

impl TimestampFormat {
    /// In the time zone given by `TZ` (a name from the zone database, or a POSIX rule), else by `/etc/localtime`, else in UTC.
    pub fn local() -> Self {
        Self::with_zone(local_zone(std::env::var("TZ").ok().as_deref()))
    }

    /// In UTC.
    pub fn utc() -> Self {
        Self::with_zone(TimeZone::UTC)
    }

    fn with_zone(zone: TimeZone) -> Self {
        Self { zone, second: i64::MIN, text: String::new() }
    }

    /// Appends the time `unix_ms` to `out`.
    pub fn write(&mut self, unix_ms: i64, out: &mut Vec<u8>) {
        let second = unix_ms.div_euclid(1000);
        if second != self.second {
            // Outside jiff's range (the years -9999 to 9999) only if the machine's clock is broken.
            let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            let local = self.zone.to_datetime(time);
            self.text = format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.",
                local.year(),
                local.month(),
                local.day(),
                local.hour(),
                local.minute(),
                local.second()
            );
            self.second = second;
        }
        out.extend_from_slice(self.text.as_bytes());
        let ms = unix_ms.rem_euclid(1000);
        out.extend([ms / 100, ms / 10 % 10, ms % 10].map(|digit| b'0' + digit as u8));
    }
}

fn local_zone(tz: Option<&str>) -> TimeZone {
    let from_file = |path: &Path| TimeZone::tzif("local", &std::fs::read(path).ok()?).ok();
    let zone = match tz.map(|tz| tz.trim_start_matches(':')) {
        None => from_file(Path::new("/etc/localtime")),
        Some("") => None,
        Some(name) => {
            // An absolute name replaces the folder, as in the C library.
            from_file(&Path::new("/usr/share/zoneinfo").join(name)).or_else(|| TimeZone::posix(name).ok())
        }
    };
    zone.unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(format: &mut TimestampFormat, unix_ms: i64) -> String {
        let mut out = Vec::new();
        format.write(unix_ms, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_shown_to_the_millisecond() {
        let mut utc = TimestampFormat::utc();
        assert_eq!(show(&mut utc, 1_136_214_245_007), "2006-01-02 15:04:05.007");
        assert_eq!(show(&mut utc, 1_136_214_245_999), "2006-01-02 15:04:05.999");
        assert_eq!(show(&mut utc, 1_136_214_246_000), "2006-01-02 15:04:06.000");
        assert_eq!(show(&mut utc, -1), "1969-12-31 23:59:59.999");
        assert_eq!(show(&mut utc, i64::MAX), "1970-01-01 00:00:00.807");
    }

    #[test]
    fn a_posix_rule_in_tz_moves_the_hours() {
        let mut east = TimestampFormat::with_zone(local_zone(Some("IST-5:30")));
        assert_eq!(show(&mut east, 0), "1970-01-01 05:30:00.000");
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        assert_eq!(local_zone(Some("No/Such/Zone")), TimeZone::UTC);
        assert_eq!(local_zone(Some("")), TimeZone::UTC);
        assert_eq!(local_zone(Some("UTC0")).to_datetime(Timestamp::UNIX_EPOCH).hour(), 0);
    }
}
