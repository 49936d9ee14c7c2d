//! Runs takeup's own commands for the admin page, one at a time.
//!
//! A job is a process of its own, at a lower priority: it does what the command line does, sees the settings that the server was started with,
//! and can take no memory of the server's. It ends with the server, in whatever way that ends. What it prints is kept up to a bound, until the
//! next job.

mod child;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::base::time::wall_us;
use crate::telemetry::{Level, Logger};

use super::asked::Asked;
use child::{Ended, Output};

/// The variable that tells a command which process it must not outlive, and that the descriptors it finds open are somebody else's.
pub const JOB_OF: &str = "TAKEUP_JOB_OF";

/// How commands are run.
#[derive(Clone)]
pub struct Commands {
    /// The program.
    pub program: PathBuf,
    /// Its arguments before those of an action.
    pub before: Vec<OsString>,
    /// Its arguments behind them.
    pub after: Vec<OsString>,
    /// Why nothing can be put into the archive; `None` if it can.
    pub no_archive: Option<&'static str>,
    /// Where it is told that a job began and ended.
    pub logger: Logger,
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments may hold keys.
        f.debug_struct("Commands").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Why a job was not started.
#[derive(Debug, thiserror::Error)]
pub(in crate::admin) enum Refused {
    #[error("{0} is running, and one job runs at a time: try again when it has ended")]
    Busy(&'static str),
    #[error("the server stops")]
    Stopping,
    #[error("no thread can be started for it: {0}")]
    Thread(std::io::Error),
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Done,
    Failed,
}

/// A job, as a client sees it.
#[derive(Debug, Serialize)]
struct Job {
    action: &'static str,
    asked: Json,
    state: State,
    /// Unix ms.
    since_ms: u64,
    ended_ms: Option<u64>,
    /// The exit code; none while it runs, and after a signal.
    exit: Option<i32>,
    /// Some of what it printed is missing.
    cut: bool,
    /// What it printed for people.
    error: String,
    /// The lines of JSON that it printed, as an array.
    #[serde(skip)]
    result: String,
}

impl Job {
    fn begun(asked: &Asked) -> Self {
        Self {
            action: asked.action,
            asked: asked.told.clone(),
            state: State::Running,
            since_ms: wall_us() / 1000,
            ended_ms: None,
            exit: None,
            cut: false,
            error: String::new(),
            result: "null".to_owned(),
        }
    }

    fn end(&mut self, ended: Ended) {
        let (result, is_cut) = lines_of_json(&ended.stdout);
        self.state = if ended.exit == Some(0) { State::Done } else { State::Failed };
        self.ended_ms = Some(wall_us() / 1000);
        self.exit = ended.exit;
        self.cut = is_cut || ended.stderr.is_cut;
        self.error = String::from_utf8_lossy(&ended.stderr.bytes).trim_end().to_owned();
        self.result = result;
    }

    fn json(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned());
        // The result is JSON already.
        text.pop();
        text + ",\"result\":" + &self.result + "}"
    }
}

/// The lines that are JSON, as an array, and whether something is left out.
fn lines_of_json(output: &Output) -> (String, bool) {
    let text = String::from_utf8_lossy(&output.bytes);
    let mut is_cut = output.is_cut;
    let is_json = |line: &&str| {
        let is_json = serde_json::from_str::<IgnoredAny>(line).is_ok();
        is_cut |= !is_json;
        is_json
    };
    let lines: Vec<&str> = text.lines().filter(is_json).collect();
    (format!("[{}]", lines.join(",")), is_cut)
}

#[derive(Default)]
struct Place {
    job: Option<Job>,
    /// Its end stops the job.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    is_stopped: bool,
}

/// The place for the one job.
pub(in crate::admin) struct Jobs {
    place: Arc<Mutex<Place>>,
    /// How many times a job began or ended.
    changes: Arc<AtomicU64>,
    commands: Commands,
    admin: SocketAddr,
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("commands", &self.commands).finish_non_exhaustive()
    }
}

impl Jobs {
    /// Without a job, for the server with this admin address.
    pub(in crate::admin) fn new(commands: Commands, admin: SocketAddr) -> Self {
        Self { place: Arc::default(), changes: Arc::default(), commands, admin }
    }

    /// The server's admin address.
    pub(in crate::admin) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// How many times a job began or ended.
    pub(in crate::admin) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Why nothing can be put into the archive.
    pub(in crate::admin) fn no_archive(&self) -> Option<&'static str> {
        self.commands.no_archive
    }

    /// Starts a job.
    ///
    /// # Errors
    /// One is running, or none can be started any more.
    pub(in crate::admin) fn start(&self, asked: &Asked) -> Result<(), Refused> {
        let mut place = lock(&self.place);
        if place.is_stopped {
            return Err(Refused::Stopping);
        }
        if let Some(job) = place.job.as_ref().filter(|job| job.state == State::Running) {
            return Err(Refused::Busy(job.action));
        }
        let command = self.command(asked);
        let (stop, stopped) = channel();
        let (shared, logger, action) = (Arc::clone(&self.place), self.commands.logger.clone(), asked.action);
        let (input, changes) = (asked.input.clone(), Arc::clone(&self.changes));
        let work = move || {
            let ended = child::run(command, input.as_bytes(), &stopped);
            report(&logger, action, &ended);
            if let Some(job) = &mut lock(&shared).job {
                job.end(ended);
            }
            changes.fetch_add(1, Ordering::Release);
        };
        let thread = std::thread::Builder::new().name("job".into()).spawn(work).map_err(Refused::Thread)?;
        self.commands.logger.event(
            Level::Info,
            crate::caller!(),
            "the admin page has started a job",
            &[("action", action)],
        );
        // The thread of the job before has nothing left to do.
        *place = Place { job: Some(Job::begun(asked)), stop: Some(stop), thread: Some(thread), is_stopped: false };
        self.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn command(&self, asked: &Asked) -> Command {
        let Commands { program, before, after, .. } = &self.commands;
        let mut command = Command::new(program);
        command.arg0("takeup").args(before).args(&asked.arguments).args(after);
        command.env(JOB_OF, std::process::id().to_string());
        command
    }

    /// The current job, or the last one, as JSON; `null` without one.
    pub(in crate::admin) fn json(&self) -> String {
        lock(&self.place).job.as_ref().map_or_else(|| "null".to_owned(), Job::json)
    }

    /// Ends the job that is running. Returns whether there was one.
    pub(in crate::admin) fn cancel(&self) -> bool {
        let mut place = lock(&self.place);
        let runs = place.job.as_ref().is_some_and(|job| job.state == State::Running);
        runs && place.stop.take().is_some()
    }

    /// Ends a job that is running, and starts none any more.
    pub(in crate::admin) fn stop(&self) {
        let thread = {
            let mut place = lock(&self.place);
            place.is_stopped = true;
            drop(place.stop.take());
            place.thread.take()
        };
        if let Some(thread) = thread {
            // The panic hook has already printed any panic there.
            let _ = thread.join();
        }
    }
}

fn lock(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Neither the line of a start nor this one says what was asked for: it may be a person's name.
fn report(logger: &Logger, action: &str, ended: &Ended) {
    let exit = ended.exit.map_or_else(|| "none".to_owned(), |exit| exit.to_string());
    let fields = [("action", action), ("exit", &*exit)];
    let level = if ended.exit == Some(0) { Level::Info } else { Level::Warn };
    logger.event(level, crate::caller!(), "a job of the admin page has ended", &fields);
}

#[cfg(test)]
mod tests;
