//! The options of `takeup load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::value;
use crate::load::{DURATION_MAX, Tracker, USERS_MAX};

/// The options of `takeup load`.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// The server, as http://HOST:PORT with any path prefix.
    #[arg(long, value_name = "URL", required_unless_present = "check", conflicts_with = "check")]
    pub url: Option<String>,
    /// The key of the project to which the sessions belong [default: for a server on this machine, the first web project in the data
    /// folder].
    #[arg(long, value_name = "KEY", conflicts_with = "check")]
    pub project: Option<String>,
    /// Visitors at once.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(USERS_MAX)))]
    pub users: u32,
    /// The time in which they arrive.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = span)]
    pub ramp: Duration,
    /// How long requests become due; at most 24h.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = length)]
    pub duration: Duration,
    /// How long answers are waited for after that.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = span)]
    pub grace: Duration,
    /// About how many requests a second to make, preflights included: visits are played faster or slower [default: as fast as recorded].
    #[arg(long, value_name = "N", value_parser = rate, conflicts_with = "speed")]
    pub rate: Option<f64>,
    /// How many times faster than recorded visits are played.
    #[arg(long, value_name = "N", value_parser = speed)]
    pub speed: Option<f64>,
    /// The visitors' tracker: 12 (one body every 10 s), 18 (up to four every 30 s) or 19 (as 18, and the first right after the start).
    #[arg(long, value_name = "VERSION", default_value = Tracker::default().as_str())]
    pub tracker: Tracker,
    /// The most connections at once; visitors then share them [default: up to six for each visitor, as a browser opens].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(USERS_MAX)))]
    pub connections: Option<u32>,
    /// Threads that generate.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: u32,
    /// Send no preflights, as if the server had the pages' own origin.
    #[arg(long)]
    pub no_preflights: bool,
    /// A new file that notes each batch that was acknowledged; with --check, the file to compare.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Instead of a run: compare a ledger with this data folder, or folder of a log.
    #[arg(long, value_name = "LOG", requires = "ledger")]
    pub check: Option<PathBuf>,
    /// Print the summary as JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// Draw the run into this file.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub svg: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('x').parse::<f64>() {
        Ok(speed) if (0.001..=100_000.0).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 0.001 to 100000, such as 10".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=10_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.001 to 10000000, such as 500".to_owned()),
    }
}

fn span(text: &str) -> Result<Duration, String> {
    let span = value::duration(text)?;
    if span > DURATION_MAX { Err("expected at most 24h".to_owned()) } else { Ok(span) }
}

fn length(text: &str) -> Result<Duration, String> {
    let length = span(text)?;
    if length.is_zero() { Err("expected more than 0".to_owned()) } else { Ok(length) }
}
