//! What a run is to do.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::target::Target;

/// The most users: each is a socket or several.
pub const USERS_MAX: u32 = 100_000;

/// The longest run.
pub const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub target: Target,
    /// The key of the project to which the sessions belong.
    pub project: String,
    /// How many visitors there are at once.
    pub users: u32,
    /// In what time they arrive.
    pub ramp: Duration,
    /// How long requests become due.
    pub duration: Duration,
    /// How long answers are waited for after that.
    pub grace: Duration,
    /// How fast visits are played.
    pub rate: Rate,
    /// Which tracker visitors have.
    pub tracker: Tracker,
    /// The most sockets at once; none: six for each visitor, as browsers have.
    pub connections: Option<u32>,
    /// Threads that generate.
    pub threads: u32,
    /// Whether the pages are on another origin than the server, so that browsers ask first.
    pub preflights: bool,
    /// The file that notes what was acknowledged.
    pub ledger: Option<PathBuf>,
}

/// How fast visits are played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// So many times as fast as they were recorded.
    Speed(f64),
    /// As fast as makes about so many requests a second, preflights included.
    Requests(f64),
}

/// A generation of trackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tracker {
    /// 12.0.4: one body every ten seconds.
    V12,
    /// 18.0.7: up to four bodies every thirty seconds.
    V18,
    /// 19.0.1: as 18, and the first two right after the start.
    #[default]
    V19,
}

impl Tracker {
    /// All of them.
    pub const ALL: [Tracker; 3] = [Tracker::V12, Tracker::V18, Tracker::V19];

    /// How it is named on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Tracker::V12 => "12",
            Tracker::V18 => "18",
            Tracker::V19 => "19",
        }
    }

    /// The version that was captured.
    pub fn version(self) -> &'static str {
        match self {
            Tracker::V12 => "12.0.4",
            Tracker::V18 => "18.0.7-beta.1",
            Tracker::V19 => "19.0.1",
        }
    }
}

impl FromStr for Tracker {
    type Err = String;

    fn from_str(text: &str) -> Result<Tracker, String> {
        let found = Tracker::ALL.into_iter().find(|tracker| tracker.as_str() == text);
        found.ok_or_else(|| "expected 12, 18 or 19".to_owned())
    }
}
