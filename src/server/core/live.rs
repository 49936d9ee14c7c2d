//! What the cores take over when the settings change while they run: settings, token secrets, limits, and what is made from them. It is
//! swapped in as a whole: a request asks for it once, and all that it goes by is of the same moment.
//!
//! Each core keeps a deep copy, so that on the way of a request cores share nothing that anybody writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::api::cors::{Cors, CorsSetting};
use crate::api::prefix::Prefix;
use crate::api::start::StartSettings;
use crate::base::snapshot::Snapshot;
use crate::config;
use crate::config::Config;
use crate::server::admission::Policy;
use crate::session::token::{Secrets, SecretsError};
use crate::telemetry::LogRequests;

/// The settings of one moment, and what is made from them.
#[derive(Debug, Clone)]
pub struct Live {
    /// The settings. Those that are not live are the ones that the server was started with.
    pub config: Config,
    /// Requests under this prefix are served too.
    pub prefix: Prefix,
    /// The CORS headers, ready to send.
    pub cors: Cors,
    /// The part of the settings that a start needs.
    pub start: StartSettings,
    /// Token secrets.
    pub secrets: Secrets,
    /// Limits of clients, and the proxies that are trusted.
    pub policy: Policy,
    /// Which requests get a log line.
    pub log_requests: LogRequests,
}

impl Live {
    /// Makes the parts, for a server of so many cores.
    ///
    /// # Errors
    /// There is no token secret, or an empty one.
    pub fn of(config: Config, cores: u16) -> Result<Self, SecretsError> {
        Ok(Self {
            prefix: Prefix::new(&config.prefix),
            cors: Cors::new(CorsSetting { enabled: config.use_cors, private_network: config.cors_private_network }),
            start: start_settings(&config),
            secrets: Secrets::new(config.token_secrets.to_vec())?,
            policy: Policy::of(&config, cores),
            log_requests: log_requests(&config),
            config,
        })
    }
}

fn log_requests(config: &Config) -> LogRequests {
    match config.log_requests {
        config::LogRequests::All => LogRequests::All,
        config::LogRequests::Errors => LogRequests::Errors,
        config::LogRequests::Sampled => LogRequests::Sampled(config.log_sample),
    }
}

fn start_settings(config: &Config) -> StartSettings {
    StartSettings {
        json_size_limit: config.json_size_limit,
        json_inflated_limit: config.json_inflated_limit,
        beacon_size_limit: config.beacon_size_limit,
        batch_bytes_max: config.batch_bytes_max(),
        compression_threshold: config.compression_threshold,
        record_canvas: config.record_canvas,
        canvas_quality: config.canvas_quality.clone(),
        canvas_fps: i64::from(config.canvas_fps),
        protocol_version: i64::from(config.protocol_version),
        mobile_quality: config.mobile_quality.clone(),
        mobile_fps: i64::from(config.mobile_fps),
    }
}

/// The settings of now, and which version of them each core goes by.
#[derive(Debug)]
pub struct LiveSettings {
    snapshot: Snapshot<Live>,
    applied: Vec<AtomicU64>,
}

impl LiveSettings {
    /// The first settings, for so many cores.
    pub fn new(live: Live, cores: u16) -> Self {
        Self { snapshot: Snapshot::new(live), applied: (0..cores).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The settings of now, to be copied by each core.
    pub fn snapshot(&self) -> &Snapshot<Live> {
        &self.snapshot
    }

    /// The settings of now.
    pub fn current(&self) -> Arc<Live> {
        self.snapshot.current()
    }

    /// A number that grows by one with each change. It is 1 at the start.
    pub fn version(&self) -> u64 {
        self.snapshot.version()
    }

    /// Puts others in their place.
    pub fn replace(&self, live: Live) {
        self.snapshot.replace(live);
    }

    /// Notes that a core goes by this version.
    pub fn mark_applied(&self, core: u16, version: u64) {
        self.applied[usize::from(core)].store(version, Ordering::Release);
    }

    /// Waits until every core goes by the settings of now; false if one has not come to it in time.
    pub fn wait_until_applied(&self, patience: Duration) -> bool {
        const LOOK: Duration = Duration::from_millis(5);
        let (version, end) = (self.version(), Instant::now() + patience);
        while self.applied.iter().any(|applied| applied.load(Ordering::Acquire) < version) {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }
}
