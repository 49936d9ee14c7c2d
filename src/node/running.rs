//! A server that runs: waits for its end, and takes it apart.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::port::AdminHandle;
use crate::checker::Checker;
use crate::directory;
use crate::log::Log;
use crate::server::core::common::Common;
use crate::server::core::notices;
use crate::telemetry::{Level, Logger, Printer};

use super::shutdown::{self, CoreThread, Ended};
use super::warm_up::WarmUp;
use super::{NodeError, reload};

/// How long the log's threads may take to end when a core has not. What was acknowledged is on disk already.
const ABANDONED_PATIENCE: Duration = Duration::from_secs(3);

/// How long the last log lines may take to be printed.
const PRINT_PATIENCE: Duration = Duration::from_secs(2);

/// What was started.
pub struct Running {
    /// What the cores have in common.
    pub common: Arc<Common>,
    /// The cores.
    pub threads: Vec<CoreThread>,
    /// The log.
    pub log: Log,
    /// The checker.
    pub checker: Checker,
    /// The warm-up, which may have ended by itself.
    pub warm_up: WarmUp,
    /// The admin port.
    pub admin: AdminHandle,
    /// Watches the file of projects.
    pub watcher: directory::Watcher,
    /// Reads settings again.
    pub reloader: reload::ReloadThread,
    /// Log lines.
    pub logger: Logger,
    /// The thread that prints them.
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

    /// Ends everything else: first what reads the log or changes it, then the log, and the admin port last, so that it can be asked until
    /// then.
    ///
    /// # Errors
    /// The log could not be closed.
    pub fn stop(self, ended: Ended) -> Result<ExitCode, NodeError> {
        let Self { log, checker, warm_up, admin, watcher, reloader, logger, printer, .. } = self;
        let mut parts = vec![
            shutdown::part(&logger, "projects", move || drop(watcher)),
            shutdown::part(&logger, "reload", move || drop(reloader)),
            shutdown::part(&logger, "checker", move || checker.stop()),
            shutdown::part(&logger, "warm-up", move || warm_up.stop()),
        ];
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
            // It did not end in time, which has been reported.
            None => parts.push(None),
        }
        printer.finish(PRINT_PATIENCE);
        closed.transpose()?;
        Ok(if ended.well && parts.iter().all(Option::is_some) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
