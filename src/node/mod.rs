//! A running server, assembled from its parts.
//!
//! | module | does |
//! |---|---|
//! | `start` | starts everything, in the order that keeps records safe |
//! | `running` | holds what was started, waits for a signal, then shuts it down |
//! | `options` | translates the settings into options for each part |
//! | `cores` | how many cores on which processors, and what each is started with |
//! | `courier_metrics` | their metrics |
//! | `courier_reports` | what operators are told of the couriers |
//! | `couriers` | which couriers are configured, and how they are started and stopped |
//! | `kafka` | what the settings say of Kafka |
//! | `segments` | which object store segments are copied to |
//! | `archive` | whether an archive is kept, and what operators are told of it |
//! | `archive_retention` | deletes from the archive what is old |
//! | `warm_up` | reads from log and archive which sessions belong to which project |
//! | `signals`, `reload` | SIGTERM and SIGHUP; changes of the settings while the server runs |
//! | `missing` | tracks what the settings and secrets files lack of what is in force |
//! | `projects`, `retention`, `recovery`, `failures`, `heartbeats` | projects, log and cores as log lines, metrics and checks |
//! | `actions` | what the admin page can change |
//! | `admin_port` | assembles what the admin port serves |
//! | `shutdown` | waits for threads to end, for each of them at most a bounded time |
//! | `announce` | prints where the server is, for the person who starts it |

mod actions;
mod admin_port;
mod announce;
mod archive;
#[cfg(feature = "archive")]
mod archive_retention;
mod cores;
mod courier_metrics;
mod courier_reports;
mod couriers;
mod erasing;
mod error;
mod failures;
mod heartbeats;
#[cfg(feature = "kafka")]
mod kafka;
mod missing;
mod options;
mod projects;
mod recovery;
mod reload;
mod retention;
mod running;
#[cfg(feature = "object-store")]
mod segments;
mod set_aside;
mod shutdown;
mod signals;
mod start;
mod warm_up;

use std::process::ExitCode;

use crate::config::Sources;

pub use courier_reports::what_waits;
pub use couriers::{PREFIX as COURIER_PREFIX, Plan as CourierPlan, Queue};
pub use error::NodeError;
#[cfg(feature = "archive")]
pub use options::archive_retention as archive_retain;
pub use retention::{lengths as project_ages, rules as log_rules};
#[cfg(feature = "object-store")]
pub use segments::store_access;

/// Runs a server with the settings from `sources` until a signal ends it.
///
/// # Errors
/// The server could not be started, or the log could not be closed.
pub fn run(sources: Sources) -> Result<ExitCode, NodeError> {
    let mut running = start::start(sources)?;
    let ended = running.wait();
    running.stop(ended)
}
