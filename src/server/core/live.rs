//! What a running server takes over when its settings change: an immutable snapshot, swapped as a whole.
//!
//! A core keeps a copy of its own and takes a new one when the version has moved: one load of an atomic a request, a lock
//! once a change. A request that follows from another (a batch from the start that gave it its token) never meets an older
//! snapshot than that one did, on whichever core, because the version is published before anything is done by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::api::cors::{Cors, CorsSetting};
use crate::api::prefix::Prefix;
use crate::api::start::StartSettings;
use crate::config::Config;
use crate::session::token::{Secrets, SecretsError};

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
}

impl Live {
    /// Makes the parts.
    ///
    /// # Errors
    /// There is no token secret, or an empty one.
    pub fn of(config: Config) -> Result<Self, SecretsError> {
        Ok(Self {
            prefix: Prefix::new(&config.prefix),
            cors: Cors::new(CorsSetting { enabled: config.use_cors, private_network: config.cors_private_network }),
            start: start_settings(&config),
            secrets: Secrets::new(config.token_secrets.to_vec())?,
            config,
        })
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

/// The snapshot of now, and which one each core goes by.
#[derive(Debug)]
pub struct Shared {
    version: AtomicU64,
    current: Mutex<Arc<Live>>,
    taken: Vec<AtomicU64>,
}

impl Shared {
    /// The first snapshot, for so many cores.
    pub fn new(live: Live, cores: u16) -> Self {
        Self {
            version: AtomicU64::new(1),
            current: Mutex::new(Arc::new(live)),
            taken: (0..cores).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// A number that grows with each snapshot. Read before [`Shared::current`], so that a copy is never older than its
    /// version says.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The snapshot of now. Takes a lock for as long as it takes to count a reference.
    pub fn current(&self) -> Arc<Live> {
        Arc::clone(&self.lock())
    }

    /// Puts a snapshot in place of the old one.
    pub fn replace(&self, live: Live) {
        *self.lock() = Arc::new(live);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Tells that a core goes by this version.
    pub fn took(&self, core: u16, version: u64) {
        self.taken[usize::from(core)].store(version, Ordering::Release);
    }

    /// Waits until every core goes by the snapshot of now; false if one has not come to it in time.
    pub fn wait_until_taken(&self, patience: Duration) -> bool {
        const LOOK: Duration = Duration::from_millis(5);
        let (version, end) = (self.version(), Instant::now() + patience);
        while self.taken.iter().any(|taken| taken.load(Ordering::Acquire) < version) {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    /// Nothing is ever left half done under this lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Arc<Live>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
