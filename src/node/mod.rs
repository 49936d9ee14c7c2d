//! A running server, put together from its parts.
//!
//! | module | does |
//! |---|---|
//! | `start` | starts everything, in the order that keeps records safe |
//! | `running` | what was started, until a signal ends it: waits, then takes it apart |
//! | `options` | what the settings mean for each part |
//! | `cores` | how many cores on which processors, and what each is started with |
//! | `warm_up` | reads from the log which sessions belong to which project |
//! | `signals`, `reload` | SIGTERM and SIGHUP; changes of the settings while the server runs |
//! | `missing` | what the files of settings and secrets lack of what is in force |
//! | `projects`, `retention`, `recovery`, `failures`, `heartbeats` | projects, log and cores as log lines, metrics and checks |
//! | `admin_port` | what the admin port is given to show |
//! | `shutdown` | waits for threads, and for none of them too long |
//! | `announce` | tells a person where the server is |

mod admin_port;
mod announce;
mod cores;
mod error;
mod failures;
mod heartbeats;
mod missing;
mod options;
mod projects;
mod recovery;
mod reload;
mod retention;
mod running;
mod shutdown;
mod signals;
mod start;
mod warm_up;

use std::process::ExitCode;

use crate::config::Sources;

pub use error::NodeError;

/// Runs a server with the settings of `sources` until a signal ends it.
///
/// # Errors
/// It could not be started, or the log could not be closed.
pub fn run(sources: Sources) -> Result<ExitCode, NodeError> {
    let mut running = start::start(sources)?;
    let ended = running.wait();
    running.stop(ended)
}
