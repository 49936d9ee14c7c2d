//! A crowd of browsers with real trackers in them, to compare ingestion servers: what it sends, when, and what it does about each answer
//! were taken from captures of OpenReplay's trackers.
//!
//! | file | holds |
//! |---|---|
//! | `profile`, `body` | the visits that are played, and their batches, each made different from all others |
//! | `plan`, `target` | what a run is to do, and to whom |
//! | `crowd` | the run: threads, arrivals, the end |
//! | `visit`, `tracker` | one visitor: the schedule, and the tracker's rules for starts, retries, 401 and giving up |
//! | `browser` | what a browser does by itself: preflights, their cache, six connections, the repeat after a closed connection |
//! | `connection`, `alarm` | HTTP/1.1 on a socket, and waking up on time |
//! | `tally`, `summary`, `picture` | what happened: as counts, as JSON, as SVG |
//! | `ledger`, `check` | what was acknowledged, and whether a log has it |
//!
//! # Time
//!
//! The loop is open: every request has a time at which it is due, set by the schedule and not by the answers before it. Latency counts from
//! there. A server that stands still for a second therefore shows in each request that was due in that second, not only in those that were
//! already sent.
//!
//! A tracker has one batch in flight and holds the others back. What was held back was due all the same, so the wait is part of its latency.
//! How late the generator itself woke up is measured apart ([`Summary::lag`]): where that is large, the figures are its own.

mod alarm;
mod body;
mod browser;
pub mod check;
mod connection;
mod crowd;
mod error;
pub mod ledger;
mod picture;
mod plan;
mod profile;
mod summary;
mod tally;
mod target;
mod tracker;
mod visit;
mod world;

pub use crowd::{Load, Progress};
pub use error::LoadError;
pub use picture::svg;
pub use plan::{DURATION_MAX, Plan, Rate, Tracker, USERS_MAX};
pub use summary::{Latency, Point, Summary};
pub use tally::{Counts, Tally, Times};
pub use target::Target;
