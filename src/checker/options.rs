//! The checker's settings, some of which can change while it runs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use crate::config::{CheckBodies, Config};
use crate::log::RecentRecords;

/// The settings.
#[derive(Debug, Clone)]
pub struct CheckerOptions {
    /// The data folder.
    pub data: PathBuf,
    /// What the log has in memory.
    pub recent: Option<RecentRecords>,
    /// Whether batches are checked at all.
    pub enabled: bool,
    /// The share of one processor, in percent.
    pub budget_percent: u8,
    /// The largest inflated batch, in bytes.
    pub inflated_limit: usize,
}

impl CheckerOptions {
    /// The checker's part of the server's settings.
    pub fn of(config: &Config) -> Self {
        Self {
            data: config.data.clone(),
            recent: None,
            enabled: config.check_bodies != CheckBodies::Off,
            budget_percent: config.check_budget_percent,
            inflated_limit: usize::try_from(config.body_inflated_limit).unwrap_or(usize::MAX),
        }
    }
}

/// The settings that can change while it runs.
#[derive(Debug)]
pub struct LiveOptions {
    enabled: AtomicBool,
    budget_percent: AtomicU8,
    inflated_limit: AtomicUsize,
}

impl LiveOptions {
    pub fn new(options: &CheckerOptions) -> Self {
        Self {
            enabled: AtomicBool::new(options.enabled),
            budget_percent: AtomicU8::new(options.budget_percent),
            inflated_limit: AtomicUsize::new(options.inflated_limit),
        }
    }

    /// Applies all settings that can change.
    pub fn set(&self, options: &CheckerOptions) {
        self.budget_percent.store(options.budget_percent, Ordering::Relaxed);
        self.inflated_limit.store(options.inflated_limit, Ordering::Relaxed);
        self.enabled.store(options.enabled, Ordering::Relaxed);
    }

    pub fn enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    pub fn budget_percent(&self) -> u8 {
        self.budget_percent.load(Ordering::Relaxed)
    }

    pub fn inflated_limit(&self) -> usize {
        self.inflated_limit.load(Ordering::Relaxed)
    }
}
