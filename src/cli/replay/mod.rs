//! `takeup replay`: sends the recorded batches again, including those of the analytics SDK, to a server, to a queue, to another log or to stdout.
//!
//! **To a server**, batches are sent as they were received: same bytes, same coding, same labels. A session's batches stay in order, because they
//! all go over one connection, one after the other. Starts are not sent: a start over HTTP would create a new session; tokens are signed here
//! instead.
//!
//! **To a queue** goes what the queue's courier makes of the same records, by the courier's own packer and destination, in the order of the log:
//! starts and images, too.
//!
//! **To a log** go records of every kind.
//!
//! | file | holds |
//! |---|---|
//! | `args`, `to`, `credentials` | the options, and where a replay sends |
//! | `source` | the records of logs and archives, as one stream |
//! | `order` | records that are put in order with bounded memory |
//! | `play` | which are played, when, and from where a replay goes on |
//! | `rounds`, `rate` | the rounds of `--loop` with their sessions' ids, and when sessions begin |
//! | `summary`, `outcome`, `latency` | which records are sent, and what became of all |
//! | `server`, `workers`, `http` | to a server |
//! | `queue` | to a queue |
//! | `log` | to another log |
//! | `ndjson`, `line` | to stdout |

mod args;
mod credentials;
mod http;
mod latency;
mod line;
mod log;
mod ndjson;
mod order;
mod outcome;
mod play;
mod queue;
mod rate;
mod rounds;
mod server;
mod source;
mod summary;
mod to;
mod workers;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;

use super::error::CliError;

pub use args::ReplayArgs;
#[cfg(test)]
pub(super) use ndjson::list;
#[cfg(feature = "archive")]
pub(super) use source::session_of_archive;
use to::To;

/// Runs the command.
pub fn run(args: &ReplayArgs, data: &Path) -> Result<ExitCode, CliError> {
    let to = To::parse(args.to.reveal())?;
    args.check(&to)?;
    match to {
        To::Stdout => ndjson::run(args, data),
        To::Server(target) => server::run(args, &target, data),
        To::Queue(queue) => queue::run(args, &queue, data),
        To::Log(folder) => log::run(args, &folder, data),
    }
}
