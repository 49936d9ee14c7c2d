//! A running server: waits for its end, and shuts it down.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::port::AdminHandle;
use crate::checker::Checker;
use crate::directory;
use crate::log::Log;
use crate::server::core::common::Common;
use crate::server::core::notices;
use crate::sessions::Sessions;
use crate::telemetry::{Level, Logger, Printer};

use super::archive::Archive;
#[cfg(feature = "archive")]
use super::archive_retention::ArchiveRetention;
use super::couriers::Couriers;
use super::shutdown::{self, CoreThread, Ended};
use super::warm_up::WarmUp;
use super::{NodeError, reload};

/// How long the log's threads may take to end when a core has not ended. Acknowledged records are already on disk.
const ABANDONED_PATIENCE: Duration = Duration::from_secs(3);

/// How long the last log lines may take to be printed.
const PRINT_PATIENCE: Duration = Duration::from_secs(2);

/// Everything that was started.
pub struct Running {
    /// What the cores share.
    pub common: Arc<Common>,
    /// The cores.
    pub threads: Vec<CoreThread>,
    /// The log.
    pub log: Log,
    /// The checker.
    pub checker: Checker,
    /// The couriers.
    pub couriers: Couriers,
    /// The archive.
    pub archive: Archive,
    /// Retention of the archive.
    #[cfg(feature = "archive")]
    pub archive_retention: ArchiveRetention,
    /// The warm-up, which may have ended by itself.
    pub warm_up: WarmUp,
    /// The admin port.
    pub admin: AdminHandle,
    /// The recent sessions.
    pub sessions: Sessions,
    /// Watches the projects file.
    pub watcher: directory::Watcher,
    /// Reloads settings.
    pub reloader: reload::ReloadThread,
    /// The logger.
    pub logger: Logger,
    /// The log's printer thread.
    pub printer: Printer,
}

impl Running {
    /// Waits until all cores have ended, because of a signal or because one of them failed.
    pub fn wait(&mut self) -> Ended {
        self.common.agents.wait();
        if let Some(fault) = self.common.agents.fault() {
            let message = "UAPARSER_FILE can't be used, the built-in expressions are";
            self.logger.event(Level::Error, crate::caller!(), message, &[("error", fault)]);
        }
        shutdown::wait(std::mem::take(&mut self.threads), &self.common)
    }

    /// Stops everything else: first the readers and modifiers of the log, then the log, and last the admin port, so that it can be queried
    /// until then.
    ///
    /// # Errors
    /// The log could not be closed.
    pub fn stop(self, ended: Ended) -> Result<ExitCode, NodeError> {
        #[cfg(feature = "archive")]
        let archive_retention = self.archive_retention;
        let Self {
            log, checker, couriers, archive, warm_up, admin, sessions, watcher, reloader, logger, printer, ..
        } = self;
        // What it does would be cut off anyhow, by the end of the process.
        let job = shutdown::part(&logger, "job", admin.job_stopper());
        archive.begin_stop();
        let mut parts = vec![
            job,
            shutdown::part(&logger, "projects", move || drop(watcher)),
            shutdown::part(&logger, "reload", move || drop(reloader)),
            shutdown::part(&logger, "checker", move || checker.stop()),
            shutdown::part(&logger, "couriers", move || couriers.stop()),
            shutdown::part(&logger, "warm-up", move || warm_up.stop()),
            shutdown::part(&logger, "sessions", move || sessions.stop()),
            shutdown::archive(&logger, move || archive.stop()),
        ];
        #[cfg(feature = "archive")]
        parts.push(shutdown::part(&logger, "archive-delete", move || drop(archive_retention)));
        let closing = log.clone();
        let closed = shutdown::log(&logger, move || match ended.all {
            true => closing.close(),
            false => closing.close_within(ABANDONED_PATIENCE),
        });
        notices::report(&log, &logger);
        parts.push(shutdown::part(&logger, "admin", move || admin.stop()));
        match &closed {
            Some(Ok(())) => logger.event(Level::Info, crate::caller!(), "stopped, everything is on disk", &[]),
            Some(Err(error)) => {
                let text = error.to_string();
                logger.event(Level::Error, crate::caller!(), "the log could not be closed", &[("error", &text)]);
            }
            // It did not end in time, which has already been reported.
            None => parts.push(None),
        }
        printer.finish(PRINT_PATIENCE);
        closed.transpose()?;
        Ok(if ended.well && parts.iter().all(Option::is_some) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
