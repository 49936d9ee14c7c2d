//! Waits for threads to end. While the cores run, their heartbeats are watched; once the server is stopping, the cores have a deadline. The
//! other threads have one too, so that a hanging thread, for example in a file system that does not respond, does not hold up the process.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::server::core::common::Common;
use crate::server::core::heartbeat::{CHECK_INTERVAL, Change, Listener};
use crate::telemetry::{Level, Logger};

/// What a core may take beyond `drain_timeout`, because it has to seal its log.
const MARGIN: Duration = Duration::from_secs(5);

/// How long each of the other threads may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same for the log's threads, which still write what the log holds. Longer than [`crate::log::Log::close`] waits for writers.
const LOG_PATIENCE: Duration = Duration::from_secs(20);

/// The same for the archive, which may be writing a file. Without it, a crash leaves an unfinished file, which the next start removes.
const ARCHIVE_PATIENCE: Duration = Duration::from_secs(15);

/// A core's thread, if it could be started.
pub type CoreThread = std::io::Result<JoinHandle<std::io::Result<()>>>;

/// How the cores have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Whether none has failed.
    pub well: bool,
    /// Whether all have ended. A core that has not holds its log writer for ever.
    pub all: bool,
}

/// Waits until all cores have ended, or the server has been stopping for too long.
pub fn wait(threads: Vec<CoreThread>, common: &Arc<Common>) -> Ended {
    let mut well = true;
    let mut running: Vec<(usize, JoinHandle<std::io::Result<()>>)> = Vec::new();
    for (core, thread) in threads.into_iter().enumerate() {
        match thread {
            Ok(thread) => running.push((core, thread)),
            Err(error) => well = failed(common, &format!("its thread could not be started: {error}")),
        }
    }
    let mut listener = Listener::new(&common.heartbeats);
    // Counted in polls, so that a pause of the whole process does not use up the time.
    let mut left: Option<Duration> = None;
    while !running.is_empty() {
        for at in (0..running.len()).rev() {
            if running[at].1.is_finished()
                && let Some(fault) = fault_of(running.swap_remove(at).1.join())
            {
                well = failed(common, &fault);
            }
        }
        listener.check(&common.heartbeats, |core, change| well &= report(common, core, change));
        if common.is_stopping() {
            let limit = left.unwrap_or_else(|| common.live.current().config.drain_timeout + MARGIN);
            if limit.is_zero() {
                abandon(common, &running);
                return Ended { well: false, all: false };
            }
            left = Some(limit.saturating_sub(CHECK_INTERVAL));
        }
        std::thread::sleep(CHECK_INTERVAL);
    }
    Ended { well, all: true }
}

fn failed(common: &Common, fault: &str) -> bool {
    common.logger.event(Level::Error, crate::caller!(), "a core ended, the server stops", &[("error", fault)]);
    common.stop();
    false
}

fn fault_of(joined: std::thread::Result<std::io::Result<()>>) -> Option<String> {
    match joined {
        Ok(ended) => ended.err().map(|error| error.to_string()),
        Err(_) => Some("it panicked".to_owned()),
    }
}

/// Logs what has happened to a core. Returns false if the server can't go on with it and must stop.
fn report(common: &Common, core: usize, change: Change) -> bool {
    let core = core.to_string();
    match change {
        Change::Stuck => {
            let fields = [("core", &*core)];
            common.logger.event(Level::Error, crate::caller!(), "a core does not answer", &fields);
        }
        Change::Recovered(silent_ms) => {
            let seconds = (silent_ms / 1000).to_string();
            let fields = [("core", &*core), ("seconds", &*seconds)];
            common.logger.event(Level::Warn, crate::caller!(), "a core answers again", &fields);
        }
        Change::Spinning => {
            let fields = [("core", &*core)];
            let message = "a core turns without end, as when its ring fails for good: the server stops";
            common.logger.event(Level::Error, crate::caller!(), message, &fields);
            common.stop();
        }
    }
    change != Change::Spinning
}

fn abandon(common: &Common, running: &[(usize, JoinHandle<std::io::Result<()>>)]) {
    for (core, _) in running {
        let core = core.to_string();
        let message = "a core did not end within drain_timeout and 5 s, the server ends without it";
        common.logger.event(Level::Error, crate::caller!(), message, &[("core", &core)]);
    }
}

/// Ends a thread with `end`, which waits for it; `None` if that takes too long.
pub fn part(logger: &Logger, name: &'static str, end: impl FnOnce() + Send + 'static) -> Option<()> {
    within(logger, name, PATIENCE, end)
}

/// The same for the archive.
pub fn archive(logger: &Logger, end: impl FnOnce() + Send + 'static) -> Option<()> {
    within(logger, "compactor", ARCHIVE_PATIENCE, end)
}

/// The same for the log.
pub fn log<T: Send + 'static>(logger: &Logger, end: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    within(logger, "log", LOG_PATIENCE, end)
}

fn within<T: Send + 'static>(
    logger: &Logger,
    name: &'static str,
    patience: Duration,
    end: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let thread = match std::thread::Builder::new().name("ending".into()).spawn(end) {
        Ok(thread) => thread,
        Err(error) => {
            let text = error.to_string();
            let fields = [("thread", name), ("error", &*text)];
            logger.event(Level::Error, crate::caller!(), "a thread could not be waited for", &fields);
            return None;
        }
    };
    // Counted in polls, as for the cores. Most threads end at once, so the first polls come quickly.
    let (mut left, mut pause) = (patience, Duration::from_millis(1));
    while !thread.is_finished() {
        if left.is_zero() {
            let seconds = patience.as_secs().to_string();
            let fields = [("thread", name), ("seconds", &*seconds)];
            let message = "a thread did not end in time, the server ends without it";
            logger.event(Level::Error, crate::caller!(), message, &fields);
            return None;
        }
        std::thread::sleep(pause);
        left = left.saturating_sub(pause);
        pause = CHECK_INTERVAL.min(pause * 2);
    }
    // The panic hook has already printed any panic there.
    thread.join().ok()
}
