//! A build without the archive: settings that ask for one are refused.

use std::io;

use uuid::Uuid;

use crate::admin::CourierReport;
use crate::admin::health::Check;
use crate::config::Config;
use crate::consume;
use crate::log::Log;
use crate::log::retain::InArchive;
use crate::node::NodeError;
use crate::telemetry::{Logger, Metrics};

/// No archive.
#[derive(Debug, Clone, Copy)]
pub struct Archive;

impl Archive {
    /// Refuses settings that ask for an archive.
    ///
    /// # Errors
    /// They do.
    pub fn register(config: &Config, _: &Logger) -> Result<(), NodeError> {
        if !config.archive {
            return Ok(());
        }
        let text = "archive = true, but this takeup was built without the archive: build it with the feature `archive`, which is on by default, \
                    or set archive = false";
        Err(NodeError::Other(text.to_owned()))
    }

    /// Nothing is archived.
    pub fn proof(_: &Config, _: Uuid) -> Option<InArchive> {
        None
    }

    /// Starts nothing.
    pub fn start(_: &Config, _: &Log, _: &Logger) -> io::Result<Self> {
        Ok(Self)
    }

    /// Changes nothing.
    pub fn tuner(self) -> Box<dyn Fn(&Config) + Send + Sync> {
        Box::new(|_| {})
    }

    /// Adds nothing.
    pub fn register_metrics(self, metrics: Metrics) -> Metrics {
        metrics
    }

    /// Measures nothing.
    pub fn measure(self) {}

    /// Nothing to report.
    pub fn report(self, _: u64) -> Option<CourierReport> {
        None
    }

    /// Nothing to check.
    pub fn checks(self, _: u64) -> Option<Check> {
        None
    }

    /// Reads nothing.
    pub fn reader(&self) -> Option<(&'static str, consume::Handle)> {
        None
    }

    /// Stops nothing.
    pub fn begin_stop(self) {}

    /// Stops nothing.
    pub fn stop(self) {}
}
