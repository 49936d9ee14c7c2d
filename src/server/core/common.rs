//! What all cores of a server have in common.

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
use crate::telemetry::Logger;

use super::heartbeat::Heartbeats;
use super::inbox::Inbox;
use super::label_log;
use super::limits::Connections;
use super::live::LiveSettings;
use super::logged_sessions::LoggedSessions;
use super::runtime::Driver;
use super::sessions::Announcement;

/// Sessions announced to a core and not yet looked at. What does not fit is looked up as unknown.
pub const INBOX_MAX: usize = 1 << 14;

/// What all cores have in common. Immutable, or safe to use from any thread.
pub struct Common {
    /// The settings as they are now.
    pub live: LiveSettings,
    /// What the cores run on.
    pub driver: Driver,
    /// Connections of each core at most: the setting, or what the limit on open files leaves.
    pub connections: Connections,
    /// Where recordings of tests with users are put; none: into the log.
    pub bucket: Option<Bucket>,
    /// The log; a core takes its writer from it.
    pub log: Log,
    /// Projects.
    pub directory: Arc<CurrentDirectory>,
    /// Session ids.
    pub flakes: FlakeIds,
    /// User agent expressions.
    pub agents: UserAgents,
    /// Address database.
    pub geo: Geo,
    /// Log lines.
    pub logger: Logger,
    /// Sessions of the log from before the start.
    pub logged_sessions: LoggedSessions,
    /// Projects whose bodies were told of to be mislabelled.
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
    /// Tells all cores to finish what they have begun.
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
