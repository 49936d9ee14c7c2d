//! Says how a destination is: in the courier's status, and, when that changes, with a line in the log.

use std::sync::Arc;

use crate::telemetry::{Level, Logger};

use super::cause::Cause;
use super::status::{Change, Status};

/// A courier's status, and where its changes are logged.
#[derive(Debug, Clone)]
pub struct Report {
    /// The courier's name.
    pub courier: String,
    /// Where its state is kept.
    pub status: Arc<Status>,
    /// Where changes of it are logged.
    pub logger: Logger,
}

impl Report {
    /// The destination took something.
    pub fn ready(&self) {
        if let Change::Recovered(after) = self.status.ready() {
            let seconds = after.as_secs().to_string();
            let fields = [("courier", &*self.courier), ("seconds", &*seconds)];
            self.logger.event(Level::Info, crate::caller!(), "a destination takes records again", &fields);
        }
    }

    /// The log can be read.
    pub fn can_read(&self) {
        if let Change::Recovered(after) = self.status.can_read() {
            let seconds = after.as_secs().to_string();
            let fields = [("courier", &*self.courier), ("seconds", &*seconds)];
            self.logger.event(Level::Info, crate::caller!(), "a courier can read the log again", &fields);
        }
    }

    /// The log, or the courier's place in it, could not be read, which will be tried again.
    pub fn cannot_read(&self, cause: Cause) {
        let (trouble, error, advice) = (cause.trouble.as_str(), cause.text.clone(), cause.trouble.advice());
        if self.status.cannot_read(cause) == Change::Waits {
            let fields = [("courier", &*self.courier), ("trouble", trouble), ("error", &*error), ("advice", advice)];
            let message = "a courier can't read the log, it tries again";
            self.logger.event(Level::Error, crate::caller!(), message, &fields);
        }
    }

    /// An attempt failed, and will be repeated.
    pub fn failed(&self, cause: Cause) {
        let (trouble, error, advice) = (cause.trouble.as_str(), cause.to_string(), cause.trouble.advice());
        if self.status.failed(cause) == Change::Waits {
            let fields = [("courier", &*self.courier), ("trouble", trouble), ("error", &*error), ("advice", advice)];
            let message = "a destination takes no records: they wait in the log";
            self.logger.event(Level::Warn, crate::caller!(), message, &fields);
        }
    }

    /// Something is wrong without keeping anything from being delivered; `None`: nothing is.
    pub fn remark(&self, cause: Option<Cause>) {
        let is_new = self.status.remark(cause.clone());
        if let Some(cause) = cause.filter(|_| is_new) {
            let (trouble, error, advice) = (cause.trouble.as_str(), cause.to_string(), cause.trouble.advice());
            let fields = [("courier", &*self.courier), ("trouble", trouble), ("error", &*error), ("advice", advice)];
            let message = "a courier could not do all: it goes on with the rest";
            self.logger.event(Level::Warn, crate::caller!(), message, &fields);
        }
    }
}
