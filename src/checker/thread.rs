//! The checker's thread, and what others may ask of it.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use crate::config::Config;
use crate::consume;
use crate::log::format::record::Record;
use crate::telemetry::{Logger, Metrics};

use super::findings::Findings;
use super::options::{CheckerOptions, LiveOptions};
use super::trackers::Trackers;
use super::worker::Worker;

/// A running checker. Dropping it stops the thread.
#[derive(Debug)]
pub struct Checker {
    findings: Arc<Findings>,
    options: Arc<LiveOptions>,
    handle: consume::Handle,
    thread: Option<JoinHandle<()>>,
}

/// Collects the session starts that the log already holds. Batches do not say which tracker wrote them, so the checker begins only when this
/// is dropped.
#[derive(Debug)]
pub struct EarlierStarts {
    trackers: Trackers,
    to: Sender<Trackers>,
}

impl EarlierStarts {
    /// Adds a start.
    pub fn note(&mut self, start: &Record<'_>) {
        self.trackers.note(start);
    }

    /// Adds a session whose start has left the log, given what it said.
    pub fn note_known(&mut self, session: u64, project: u32, tracker_version: Option<&str>) {
        self.trackers.note_known(session, project, tracker_version);
    }
}

impl Drop for EarlierStarts {
    fn drop(&mut self) {
        // The channel has room for one message. If the checker has ended, nobody needs it.
        let _ = self.to.try_send(std::mem::take(&mut self.trackers));
    }
}

impl Checker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn(options: CheckerOptions, logger: Logger) -> io::Result<(Self, EarlierStarts)> {
        let (to, earlier) = crossbeam_channel::bounded(1);
        let findings = Arc::new(Findings::default());
        let live = Arc::new(LiveOptions::new(&options));
        let handle = consume::Handle::default();
        let run = {
            let (findings, live, handle) = (Arc::clone(&findings), Arc::clone(&live), handle.clone());
            move || Worker::new(options, findings, live, logger).run(&earlier, &handle)
        };
        let thread = std::thread::Builder::new().name("checker".into()).spawn(run)?;
        let checker = Self { findings, options: live, handle, thread: Some(thread) };
        Ok((checker, EarlierStarts { trackers: Trackers::default(), to }))
    }

    /// A function that changes the settings while the checker runs. They apply from the next batch on. The data folder stays the same.
    pub fn tuner(&self) -> impl Fn(&Config) + Send + Sync + 'static {
        let live = Arc::clone(&self.options);
        move |config| live.set(&CheckerOptions::of(config))
    }

    /// Registers the checker's metrics.
    #[must_use]
    pub fn register(&self, metrics: Metrics) -> Metrics {
        self.findings.register(metrics)
    }

    /// The findings so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Its handle.
    pub fn handle(&self) -> &consume::Handle {
        &self.handle
    }

    /// Stops the thread and waits for it.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            // If it panicked, the panic hook has reported that already.
            let _ = thread.join();
        }
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.end();
    }
}
