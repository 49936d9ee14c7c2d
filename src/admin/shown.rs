//! Shared by the admin port's handlers: what they show.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use crate::assets::Pages;
use crate::sessions::Sessions;
use crate::telemetry::Metrics;
use crate::telemetry::exposition::Exposition;

use super::access::Access;
use super::courier_report::CourierReport;
use super::health::Check;
use super::jobs::Jobs;
use super::log_users::{LogUser, SealedSegments};
use super::logging::{Logging, SetLogging};

/// The result of reopening one core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReopenedCore {
    /// Its number.
    pub core: u16,
    /// Its state before: `open`, `failed`, `poisoned` or `closed`.
    pub before: String,
    /// Its state afterwards.
    pub after: String,
    /// Why it is not open; absent if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the admin port shows.
pub(super) struct Shown {
    /// The metrics page.
    pub page: Exposition,
    /// The health checks.
    pub checks: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    /// Whether the server's loops are running.
    pub live: Box<dyn Fn() -> bool + Send + Sync>,
    /// The couriers.
    pub couriers: Box<dyn Fn() -> Vec<CourierReport> + Send + Sync>,
    /// Measures what couriers have not delivered.
    pub measure: Box<dyn Fn() + Send + Sync>,
    /// Held while that is measured.
    pub measuring: Arc<Semaphore>,
    /// Reopens cores.
    pub reopen: Box<dyn Fn() -> Vec<ReopenedCore> + Send + Sync>,
    /// Seals open segments.
    pub seal: Box<dyn Fn() -> Vec<SealedSegments> + Send + Sync>,
    /// Makes who reads the log forget what was read.
    pub reread: Box<dyn Fn() -> Vec<LogUser> + Send + Sync>,
    /// The jobs of the page.
    pub jobs: Arc<Jobs>,
    /// What is logged.
    pub logging: Box<dyn Fn() -> Logging + Send + Sync>,
    /// Changes that.
    pub set_logging: SetLogging,
    /// The recent sessions.
    pub sessions: Sessions,
    /// What is kept of recorded sites.
    pub assets: Arc<Pages>,
    /// Who may see them.
    pub access: Access,
    /// The metrics, for the status.
    pub metrics: Arc<Metrics>,
    /// Places for those who follow the status.
    pub followers: Arc<Semaphore>,
    /// Places for those who follow what is new.
    pub watchers: Arc<Semaphore>,
    /// Held while a wrong token is answered, so that they cannot be tried out quickly.
    pub wrong_token: Semaphore,
    /// Becomes true when the port stops.
    pub stopping: watch::Receiver<bool>,
}
