//! What all cores of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atomic_waker::AtomicWaker;
use crossbeam_channel::Sender;

use crate::bucket::Bucket;
use crate::client::geo::Geo;
use crate::client::user_agent::UserAgents;
use crate::directory::CurrentDirectory;
use crate::log::Log;
use crate::session::flake::FlakeIds;
use crate::session::forward_path::ForwardPath;
use crate::telemetry::Logger;

use super::heartbeat::Heartbeats;
use super::inbox::Inbox;
use super::label_log;
use super::limits::Connections;
use super::live::LiveSettings;
use super::logged_sessions::LoggedSessions;
use super::runtime::Driver;
use super::sessions::Announcement;

/// Announced sessions that a core has not read yet. One that does not fit is treated as unknown and looked up.
pub const INBOX_MAX: usize = 1 << 14;

/// What all cores share. Immutable, or safe to use from any thread.
pub struct Common {
    /// The current settings.
    pub live: LiveSettings,
    /// What the cores run on: io_uring or epoll.
    pub driver: Driver,
    /// The most connections per core: the setting, or what the limit on open files allows.
    pub connections: Connections,
    /// Where recordings of usability tests are put; if `None`, they go into the log.
    pub bucket: Option<Bucket>,
    /// The log; each core takes its writer from it.
    pub log: Log,
    /// Projects.
    pub directory: Arc<CurrentDirectory>,
    /// Session ids.
    pub flakes: FlakeIds,
    /// User agent expressions.
    pub agents: UserAgents,
    /// The logs whose records reach this one.
    pub forward_path: Arc<ForwardPath>,
    /// The address database.
    pub geo: Geo,
    /// Log lines.
    pub logger: Logger,
    /// Sessions read from the log, from before the start.
    pub logged_sessions: LoggedSessions,
    /// Projects whose mislabelled bodies have been logged.
    pub labels_logged: label_log::LoggedProjects,
    /// Where new sessions are announced, by core.
    pub inboxes: Vec<Sender<Announcement>>,
    /// Set once, when the server stops.
    pub stopping: AtomicBool,
    /// Wakes the accept task of each core when the server stops.
    pub stop_wakers: Vec<AtomicWaker>,
    /// The cores' heartbeats.
    pub heartbeats: Heartbeats,
    /// Where connections are passed on to, by core.
    pub migrations: Vec<Arc<Inbox>>,
}

impl Common {
    /// Tells all cores to finish their work and stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        for waker in &self.stop_wakers {
            waker.wake();
        }
    }

    /// The server has been told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
