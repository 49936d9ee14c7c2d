//! The state of a core. What acts on it (connections, requests, storing) is in the sibling folders, and nothing here uses those.
//!
//! | what | where |
//! |---|---|
//! | one core; what all cores share | [`state`], [`common`] |
//! | a connection; those with something to receive; waiting requests; the waker of a waiting task | [`conn`], [`arrivals`], [`waiters`], `waker_slot` |
//! | connections that may be closed to make room; those passed on by other cores; whether waiting clients are still there | [`evictions`], [`inbox`], `peer_watch` |
//! | what was found out about a connection's last head; the answer to most batches | [`known_head`], [`ok_reply`] |
//! | session to project: for new sessions; for those in the log | [`sessions`], [`logged_sessions`] |
//! | settings that change at run time | [`live`] |
//! | inflating before the answer, in turns | [`inflaters`], [`turns`] |
//! | groups of the log that are written on the ring | [`ring_writes`] |
//! | unusable batches that are kept | [`quarantine`] |
//! | time, heartbeats, the driver, processors, limits of the process | [`clock`], [`heartbeat`], [`runtime`], [`cpus`], [`limits`] |
//! | log lines: rate limits, mislabelled bodies, what the log reports | [`log_throttle`], [`label_log`], [`notices`] |

pub mod arrivals;
pub mod clock;
pub mod common;
pub mod conn;
pub mod cpus;
pub mod evictions;
pub mod heartbeat;
pub mod inbox;
pub mod inflaters;
pub mod known_head;
pub mod label_log;
pub mod limits;
pub mod live;
pub mod log_throttle;
pub mod logged_sessions;
pub mod notices;
pub mod ok_reply;
pub(super) mod peer_watch;
pub mod quarantine;
pub mod ring_writes;
pub mod runtime;
pub mod sessions;
pub mod state;
pub mod turns;
pub mod waiters;
mod waker_slot;
