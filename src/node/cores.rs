//! How many cores a server has, on which processors, and what each one is started with.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use crate::api::refusal::Reason;
use crate::api::route::TEMPLATES;
use crate::config::Config;
use crate::log::Log;
use crate::server::Seat;
use crate::server::core::cpus;
use crate::server::core::sessions::Announcement;
use crate::telemetry::CoreMetrics;

use super::NodeError;

/// A server's processors, and its number of cores.
pub struct Cores {
    /// The number of cores.
    pub count: u16,
    cpus: Vec<usize>,
    /// Whether each core has a processor of its own.
    pinned: bool,
}

impl Cores {
    /// As many as configured, or as fit on the processors available to this process.
    pub fn of(config: &Config) -> Self {
        let (cpus, quota) = (cpus::allowed(), quota());
        let count = config.cores.unwrap_or_else(|| cpus::default_cores(cpus.len(), quota));
        let pinned = quota.is_none_or(|quota| quota >= cpus.len() as f64) && usize::from(count) <= cpus.len();
        Self { count, cpus, pinned }
    }

    /// What each core is started with.
    ///
    /// # Errors
    /// The log provides no writer.
    pub fn seats(
        &self,
        log: &Log,
        listeners: Vec<TcpListener>,
        inboxes: Vec<Receiver<Announcement>>,
    ) -> Result<Vec<Seat>, NodeError> {
        let seat = |(number, (listener, inbox))| {
            Ok(Seat {
                number,
                cpu: self.cpus.get(usize::from(number)).copied().filter(|_| self.pinned),
                listener,
                writer: log.writer(number)?,
                metrics: Arc::new(CoreMetrics::new(TEMPLATES, Reason::LABELS)),
                inbox,
            })
        };
        (0..self.count).zip(listeners.into_iter().zip(inboxes)).map(seat).collect()
    }
}

fn quota() -> Option<f64> {
    let own_group = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    cpus::quota(Path::new("/sys/fs/cgroup"), &own_group)
}
