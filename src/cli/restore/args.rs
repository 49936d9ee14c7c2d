//! The options of `takeup restore`.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::base::store_url::StoreUrl;
use crate::cli::serve::key_value;
use crate::config::value;

/// The options of `takeup restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// The store [default: the setting segments_url].
    #[arg(value_name = "URL")]
    pub url: Option<StoreUrl>,
    /// The new data folder; it must be empty, or not exist, or hold what an interrupted restore left.
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    pub to: Option<PathBuf>,
    /// Which log, if the store has several.
    #[arg(long, value_name = "UUID")]
    pub log: Option<Uuid>,
    /// Only segments with records from this time on: 2026-11-29, 2026-11-29T06:00:00Z, or how long ago, such as 36h.
    #[arg(long, value_name = "TIME", value_parser = time_us, conflicts_with = "list")]
    pub from: Option<u64>,
    /// Only segments with records before this time.
    #[arg(long, value_name = "TIME", value_parser = time_us, conflicts_with = "list")]
    pub until: Option<u64>,
    /// Only this core; may be given several times.
    #[arg(long, value_name = "N", conflicts_with = "list")]
    pub core: Vec<u16>,
    /// List what is in the store, and restore nothing.
    #[arg(long, conflicts_with = "to")]
    pub list: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// The file of settings, for the store's keys [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// A time, in microseconds since 1970.
fn time_us(text: &str) -> Result<u64, String> {
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
}
