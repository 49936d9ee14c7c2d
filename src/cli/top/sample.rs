//! What a server says of itself at one moment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use serde::Deserialize;

use crate::admin::CourierReport;
use crate::admin::couriers::PATH as COURIERS;
use crate::cli::admin_port;
use crate::cli::error::CliError;

use super::page::Page;

/// Everything that is asked.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When it was asked.
    pub at: Instant,
    /// The metrics.
    pub page: Page,
    /// Its health.
    pub health: Health,
    /// Its couriers, and its archive.
    pub couriers: Vec<CourierReport>,
}

/// The page `/health`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Health {
    /// `pass`, `warn` or `fail`.
    pub status: String,
    /// What was checked, by name.
    #[serde(default)]
    pub checks: BTreeMap<String, Vec<HealthCheck>>,
}

/// One check.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// Which of several.
    #[serde(default)]
    pub component_id: String,
    /// `pass`, `warn` or `fail`.
    pub status: String,
    /// What is wrong.
    #[serde(default)]
    pub output: String,
}

impl Sample {
    /// Asks the server.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask(addr: SocketAddr) -> Result<Sample, CliError> {
        let page = admin_port::get(addr, "/metrics")?.text()?;
        let at = Instant::now();
        let health = admin_port::get(addr, "/health")?.json()?;
        let couriers = admin_port::get(addr, COURIERS)?.json()?;
        Ok(Sample { at, page: Page::parse(&page), health, couriers })
    }
}
