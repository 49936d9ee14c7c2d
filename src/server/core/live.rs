//! What the cores pick up when the settings change at run time: settings, token secrets, limits, and what is derived from them. It is
//! replaced as a whole: a request reads it once, and everything it uses is from the same moment.
//!
//! Each core keeps a deep copy, so that on the request path cores share no memory that is written to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::api::cors::{Cors, CorsSetting};
use crate::api::prefix::Prefix;
use crate::api::start::StartSettings;
use crate::base::snapshot::Snapshot;
use crate::config;
use crate::config::{CheckBodies, Config};
use crate::server::admission::Policy;
use crate::session::forward_secret::ForwardSecret;
use crate::session::token::{Secrets, SecretsError};
use crate::telemetry::LogRequests;

/// The settings at one moment, and what is derived from them.
#[derive(Debug, Clone)]
pub struct Live {
    /// A number that no other settings in this process have.
    pub generation: u64,
    /// The settings. Those that cannot change at run time keep the values of the start.
    pub config: Config,
    /// Requests under this prefix are served as well.
    pub prefix: Prefix,
    /// The CORS headers, ready to send.
    pub cors: Cors,
    /// The settings that a start needs.
    pub start: StartSettings,
    /// Token secrets.
    pub secrets: Secrets,
    /// The secret with which other takeups sign the records that they hand on; `None` if they may not.
    pub forward_secret: Option<ForwardSecret>,
    /// The limits of clients, and the trusted proxies.
    pub policy: Policy,
    /// Which requests get a log line.
    pub log_requests: LogRequests,
}

impl Live {
    /// Derives everything from the settings, for a server with `cores` cores.
    ///
    /// # Errors
    /// There is no token secret, or an empty one.
    pub fn of(config: Config, cores: u16) -> Result<Self, SecretsError> {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        Ok(Self {
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
            prefix: Prefix::new(&config.prefix),
            cors: Cors::new(CorsSetting { enabled: config.use_cors, private_network: config.cors_private_network }),
            start: start_settings(&config),
            secrets: Secrets::new(config.token_secrets.to_vec())?,
            forward_secret: config.forward_secret.as_ref().map(|secret| ForwardSecret::new(secret.reveal())),
            policy: Policy::of(&config, cores),
            log_requests: log_requests(&config),
            config,
        })
    }

    /// The largest inflated batch, in bytes.
    pub fn inflated_limit(&self) -> usize {
        usize::try_from(self.config.body_inflated_limit).unwrap_or(usize::MAX)
    }

    /// The largest batch of clients that are not told their project's limit: phones, and the analytics SDK.
    pub fn default_batch_limit(&self) -> u64 {
        self.config.beacon_size_limit.min(self.start.batch_bytes_max)
    }

    /// The inflated size limit if compressed bodies are to be inflated before the answer; `None` if they are not.
    pub fn inflate_inline(&self) -> Option<usize> {
        (self.config.check_bodies == CheckBodies::Inline).then(|| self.inflated_limit())
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

/// The current settings, and which version of them each core uses.
#[derive(Debug)]
pub struct LiveSettings {
    snapshot: Snapshot<Live>,
    applied: Vec<AtomicU64>,
}

impl LiveSettings {
    /// The first settings, for `cores` cores.
    pub fn new(live: Live, cores: u16) -> Self {
        Self { snapshot: Snapshot::new(live), applied: (0..cores).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The current settings, to be copied by each core.
    pub fn snapshot(&self) -> &Snapshot<Live> {
        &self.snapshot
    }

    /// The current settings.
    pub fn current(&self) -> Arc<Live> {
        self.snapshot.current()
    }

    /// A number that grows by one with each change, starting at 1.
    pub fn version(&self) -> u64 {
        self.snapshot.version()
    }

    /// Replaces the settings.
    pub fn replace(&self, live: Live) {
        self.snapshot.replace(live);
    }

    /// Notes that a core uses this version.
    pub fn mark_applied(&self, core: u16, version: u64) {
        self.applied[usize::from(core)].store(version, Ordering::Release);
    }

    /// Waits until every core uses the current settings; `false` if some core has not in time.
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
