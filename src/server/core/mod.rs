//! The state of a core. What acts on it (connections, requests, the way into the log) stands in the folders beside, and nothing here uses those.
//!
//! | what | where |
//! |---|---|
//! | all of one core; what all cores have in common | [`state`], [`common`] |
//! | a connection; requests that wait, and for what | [`conn`], [`waiters`] |
//! | connections that may be closed to make room; those passed on by another core; whether waiting clients are still there | [`evictions`], [`inbox`], `peer_watch` |
//! | session -> project: of running sessions, of the log | [`sessions`], [`logged_sessions`] |
//! | settings that change while the server runs | [`live`] |
//! | inflating before the answer, and whose turn it is | [`inflaters`], [`turns`] |
//! | groups of the log to be written on the ring | [`ring_writes`] |
//! | unusable bodies that are kept | [`quarantine`] |
//! | time, heartbeats, the driver, processors, limits of the process | [`clock`], [`heartbeat`], [`runtime`], [`cpus`], [`limits`] |
//! | lines that are logged now and then | [`log_throttle`], [`label_log`], [`notices`] |

pub mod clock;
pub mod common;
pub mod conn;
pub mod cpus;
pub mod evictions;
pub mod heartbeat;
pub mod inbox;
pub mod inflaters;
pub mod label_log;
pub mod limits;
pub mod live;
pub mod log_throttle;
pub mod logged_sessions;
pub mod notices;
pub(super) mod peer_watch;
pub mod quarantine;
pub mod ring_writes;
pub mod runtime;
pub mod sessions;
pub mod state;
pub mod turns;
pub mod waiters;
