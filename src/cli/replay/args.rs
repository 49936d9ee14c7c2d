//! The options of `takeup replay`.

use std::collections::HashSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::serve::{ServeArgs, key_value};
use crate::cli::time::time_us;
use crate::config::{Secret, Sources, value};

use super::rate::Rate;
use super::rounds::ROUNDS_MAX;
use super::source::{Origin, Source, is_url, sessions_of};
use super::to::To;

/// The options of `takeup replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// What to replay: data folders, folders of logs, folders of archives, or archives in an object store (s3://BUCKET/PREFIX).
    /// Several are played as one, by time; a record that two of them have is played once [default: the data folder].
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// Which of a data folder's two is read: the log as received, the archive with its bodies inflated, or both: the archive up
    /// to its end, and the log from there. One that is not there is no fault with "both".
    #[arg(long, value_enum, value_name = "WHICH", default_value_t)]
    pub source: Source,
    /// The server, as http://HOST:PORT with any path prefix; a queue, as redis://HOST:PORT (rediss:// for TLS, several
    /// addresses separated by commas) or kafka://HOST:PORT,HOST:PORT; another log, as log:DIR, a new data folder; or "-" for
    /// NDJSON on stdout: id, received_us, session_id, project_id, topic, page, number, data_type, encoding, body (base64).
    ///
    /// A queue gets what the courier of a server would write there, starts and images too; a repeated replay sends all of it
    /// once more. A log gets records of every kind, with their times and new ids.
    #[arg(long, value_name = "WHERE", value_parser = secret)]
    pub to: Secret,
    /// How many times faster than recorded [default: 1 to a server; elsewhere, as fast as it goes].
    #[arg(long, value_name = "N", value_parser = speed, conflicts_with = "fast")]
    pub speed: Option<f64>,
    /// As fast as it goes.
    #[arg(long)]
    pub fast: bool,
    /// Play everything so many times. From the second round on, sessions have other ids, so that a server does not take their
    /// batches for ones that were sent again.
    #[arg(long = "loop", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=ROUNDS_MAX))]
    pub loops: Option<u32>,
    /// Begin so many sessions a second, whatever the destination does, each with its own rhythm (times --speed). Everything is
    /// read before the first one begins.
    #[arg(long, value_name = "R", value_parser = rate, conflicts_with = "fast")]
    pub sessions_per_second: Option<f64>,
    /// Chooses the sessions' ids from the second round on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Only records from this time on: 2026-11-29, 2026-11-29T06:00:00Z, or how long ago, such as 36h.
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    pub from: Option<u64>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    pub until: Option<u64>,
    /// Only this session. May be given several times.
    #[arg(long, value_name = "ID")]
    pub session: Vec<u64>,
    /// Only the sessions of this user: the id that the site gave to the tracker, at the start or later. May be given several
    /// times. Everything is read for it before the replay begins.
    #[arg(long, value_name = "ID")]
    pub user: Vec<String>,
    /// Only sessions of this project.
    #[arg(long, value_name = "ID")]
    pub project: Option<u32>,
    /// Send repeats too: batches that were recorded again because their answer was lost.
    #[arg(long)]
    pub with_repeats: bool,
    /// Send batches too that were kept though they can't be used (setting `unusable`). Not to a queue, where such batches
    /// have no place.
    #[arg(long)]
    pub unusable: bool,
    /// Of an archive: play what can be read of a damaged file, though nothing proves that it is what was written.
    #[arg(long)]
    pub unproven: bool,
    /// Keep in this file how far the replay is; if it is there, go on from there. With the same options, nothing is lost;
    /// docs/replay.md says what may be sent twice.
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Memory for records that wait to be put in order: those of archives, and with --sessions-per-second. What is more waits in
    /// a file in TMPDIR.
    #[arg(long, value_name = "BYTES", value_parser = value::size::<usize>, default_value = "512MiB")]
    pub memory: usize,
    /// To a server: how many connections send; a session keeps to one of them [default: 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: Option<u16>,
    /// To a server: the file of its token secrets [default: TOKEN_SECRET, else secrets/token in the data folder].
    #[arg(long, value_name = "FILE")]
    pub token_secret_file: Option<PathBuf>,
    /// How often something is sent again after a failure of network, server or queue, before the replay ends.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,
    /// To a server: bytes of batches that may wait to be sent [default: 64MiB].
    #[arg(long, value_name = "BYTES", value_parser = value::size::<usize>)]
    pub buffer: Option<usize>,
    /// To a queue, or from an object store: the file of settings, for keys, topics, sizes, TLS and the rest [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// To a queue, or from an object store: a setting for this time, as with `takeup serve`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Print the summary as JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

impl ReplayArgs {
    /// How many connections send to a server.
    pub fn connections(&self) -> u16 {
        self.connections.unwrap_or(8)
    }

    /// How many bytes may wait to be sent to a server.
    pub fn buffer(&self) -> usize {
        self.buffer.unwrap_or(64 << 20)
    }

    /// How many rounds are played.
    pub fn rounds(&self) -> u32 {
        self.loops.unwrap_or(1)
    }

    /// When sessions begin, if not as recorded.
    pub fn rate(&self) -> Option<Rate> {
        let speed = self.speed.unwrap_or(1.0);
        self.sessions_per_second.map(|sessions_per_second| Rate { sessions_per_second, speed })
    }

    /// The sessions that are chosen, by themselves or by their user; `None` if all are.
    ///
    /// # Errors
    /// The sources can't be read, or `is_stopping` became true.
    pub fn chosen_sessions(
        &self,
        origins: &[Origin],
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Option<Arc<HashSet<u64>>>, CliError> {
        let named = || self.session.iter().copied().collect::<HashSet<u64>>();
        if self.user.is_empty() {
            return Ok((!self.session.is_empty()).then(|| Arc::new(named())));
        }
        let mut of_users = sessions_of(&self.user, origins, is_stopping)?;
        if !self.session.is_empty() {
            let named = named();
            of_users.retain(|session| named.contains(session));
        }
        Ok(Some(Arc::new(of_users)))
    }

    /// The settings that the options name.
    pub fn serve_args(&self) -> ServeArgs {
        ServeArgs { config: self.config.clone(), set: self.set.clone(), ..ServeArgs::default() }
    }

    /// The sources of the settings.
    pub fn settings(&self, data: &Path) -> Sources {
        self.serve_args().sources(data)
    }

    /// Finds options that mean nothing together.
    ///
    /// # Errors
    /// Names one of them.
    pub fn check(&self, to: &To) -> Result<(), CliError> {
        let is_queue = matches!(to, To::Queue(_));
        let is_log = matches!(to, To::Log(_));
        let only_for_a_server = "is for a server alone: leave it out";
        let faults = [
            ((is_queue || is_log) && self.connections.is_some(), "connections", only_for_a_server),
            ((is_queue || is_log) && self.token_secret_file.is_some(), "token-secret-file", only_for_a_server),
            (is_log && self.buffer.is_some(), "buffer", only_for_a_server),
            (
                is_log && self.unusable,
                "unusable",
                "is not needed for a log, which gets such batches in any case: leave it out",
            ),
            (
                is_log && self.speed.is_some() && self.sessions_per_second.is_none(),
                "speed",
                "means nothing to a log, whose records keep their times: leave it out",
            ),
            (is_queue && self.buffer.is_some(), "buffer", "is for a server alone: use --set shipment_bytes=BYTES"),
            (
                is_queue && self.unusable,
                "unusable",
                "is not for a queue, whose readers can't use such batches: leave it out",
            ),
            (
                !is_queue && !self.set.is_empty() && !self.sources.iter().any(|source| is_url(source)),
                "set",
                "is for a queue, or for a source in an object store: leave it out",
            ),
            (
                self.from.zip(self.until).is_some_and(|(from, until)| from >= until),
                "until",
                "must be after --from, or nothing is left",
            ),
        ];
        match faults.iter().find(|(is_fault, _, _)| *is_fault) {
            Some((_, option, problem)) => Err(CliError::Other(format!("--{option} {problem}"))),
            None => Ok(()),
        }
    }
}

/// An address may hold a password, which must not be in what clap prints.
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.001 to 1000000, such as 20".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('x').parse::<f64>() {
        Ok(speed) if speed.is_finite() && (0.001..=1e6).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 0.001 to 1000000, such as 10".to_owned()),
    }
}
