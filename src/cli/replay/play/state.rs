//! How far a replay is, in a file: what `--resume` goes on from.
//!
//! The file is replaced as a whole, and synced. It names only what the destination has confirmed, so nothing is lost; what was confirmed after the
//! file was last written is sent again after a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cli::error::CliError;
use crate::cli::replay::order::Mark;
use crate::log::copy::CopyEnd;

use super::at_rate::Planned;
use super::in_order::Stretch;

const VERSION: u32 = 1;

/// How often it is written.
const INTERVAL: Duration = Duration::from_secs(1);

/// The largest file that is read.
const BYTES_MAX: u64 = 16 << 20;

/// What was asked for. A replay goes on only if it is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Where it is sent, without credentials.
    pub to: String,
    /// The sources, and what of them.
    pub sources: Vec<String>,
    pub source: String,
    pub projects: Vec<u32>,
    pub sessions: Vec<u64>,
    pub users: Vec<String>,
    pub with_repeats: bool,
    pub unusable: bool,
    pub unproven: bool,
    pub rounds: u32,
    pub seed: u64,
    pub sessions_per_second: Option<f64>,
    /// The speed of sessions that begin at a rate: their order depends on it.
    pub speed: Option<f64>,
    /// Of a server: each has the sessions that it began with.
    pub connections: u16,
}

impl Asked {
    /// The first option that differs.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let all = [
            (self.to != other.to, "--to"),
            (self.sources != other.sources, "the sources"),
            (self.source != other.source, "--source"),
            (self.projects != other.projects, "--project"),
            (self.sessions != other.sessions, "--session"),
            (self.users != other.users, "--user"),
            (self.with_repeats != other.with_repeats, "--with-repeats"),
            (self.unusable != other.unusable, "--unusable"),
            (self.unproven != other.unproven, "--unproven"),
            (self.rounds != other.rounds, "--loop"),
            (self.seed != other.seed, "--seed"),
            (self.sessions_per_second != other.sessions_per_second, "--sessions-per-second"),
            (self.speed != other.speed, "--speed"),
            (self.connections != other.connections, "--connections"),
        ];
        all.into_iter().find(|(differs, _)| *differs).map(|(_, name)| name)
    }
}

/// How far a replay is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub version: u32,
    pub asked: Asked,
    /// The time asked for, which `2h` means something else for an hour later.
    pub from_us: u64,
    pub until_us: u64,
    /// What is known of a round.
    pub stretch: Stretch,
    /// Of sessions that begin at a rate.
    pub planned: Option<Planned>,
    /// The last record that was confirmed of those that went over each connection, or of all.
    pub marks: Vec<Option<Mark>>,
    /// Where the new log ends.
    pub log: Option<CopyEnd>,
    /// Records that were confirmed or refused so far.
    pub sent: u64,
}

impl State {
    /// The place before which everything was confirmed; `None`: nothing was.
    pub fn all_before(&self) -> Option<Mark> {
        let marks: Option<Vec<Mark>> = self.marks.iter().copied().collect();
        marks.and_then(|marks| marks.into_iter().min())
    }
}

/// The file.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    pub state: State,
    saved: Instant,
}

impl StateFile {
    /// Reads the file, if it is there, or begins one. Returns whether it was there.
    ///
    /// # Errors
    /// It can't be read, or is of another replay.
    pub fn open(path: &Path, fresh: State) -> Result<(Self, bool), CliError> {
        let failed = |reason: String| CliError::Other(format!("--resume: {}: {reason}", path.display()));
        let saved = Instant::now();
        let text = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut begun = Self { path: path.to_path_buf(), state: fresh, saved };
                // A file that can't be written is found out before anything is sent.
                begun.save()?;
                return Ok((begun, false));
            }
            Err(error) => return Err(failed(error.to_string())),
            Ok(file) => {
                let mut text = String::new();
                io::Read::read_to_string(&mut io::Read::take(file, BYTES_MAX), &mut text)
                    .map_err(|error| failed(error.to_string()))?;
                text
            }
        };
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |error: serde_json::Error| {
            failed(format!("not the state of a replay ({error}); name another file to begin anew"))
        };
        let Version { version } = serde_json::from_str(&text).map_err(damaged)?;
        if version > VERSION {
            return Err(failed(format!("written by a newer takeup (version {version}); use that one")));
        }
        let state: State = serde_json::from_str(&text).map_err(damaged)?;
        if let Some(option) = state.asked.difference(&fresh.asked) {
            return Err(failed(format!(
                "of another replay: {option} is not what it was begun with; give the same command, or name another file to begin anew"
            )));
        }
        Ok((Self { path: path.to_path_buf(), state, saved }, true))
    }

    /// Whether it is time to write it.
    pub fn is_due(&self) -> bool {
        self.saved.elapsed() >= INTERVAL
    }

    /// Writes it.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save(&mut self) -> Result<(), CliError> {
        let failed = |error: io::Error| CliError::Other(format!("--resume: {}: {error}", self.path.display()));
        let mut text = serde_json::to_vec_pretty(&self.state).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        let mut name = self.path.as_os_str().to_owned();
        name.push(".tmp");
        let fresh = PathBuf::from(name);
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)?;
            let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(failed)?;
        self.saved = Instant::now();
        Ok(())
    }
}

impl State {
    /// Nothing was sent yet.
    pub fn fresh(asked: Asked, from_us: u64, until_us: u64) -> Self {
        let marks = vec![None; usize::from(asked.connections)];
        let stretch = Stretch::default();
        Self { version: VERSION, asked, from_us, until_us, stretch, planned: None, marks, log: None, sent: 0 }
    }
}
