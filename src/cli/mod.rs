//! The command line: one file per subcommand, and what they share.
//!
//! Data goes to stdout, everything else to stderr. Where a command prints data, `--json` prints NDJSON with field names that are stable
//! across versions. A reader that goes away (`| head`) ends a command quietly. All commands but `serve`, `salvage` and `restore` only read the
//! log, so they may run beside a server; so may `consumers`, which changes cursors but no record, and `compact`,
//! which writes the archive, and `assets`, which keeps files of recorded sites. `erase` changes everything.

mod admin;
mod admin_port;
#[cfg(feature = "archive")]
mod archive_source;
mod assets;
mod command;
mod compact;
mod config;
mod consumers;
mod couriers;
mod dead_letters;
mod erase;
mod error;
mod events;
mod export;
mod inspect;
mod job;
mod load;
mod log_folder;
mod output;
mod project_key;
mod record_line;
mod recordings;
mod replay;
mod restore;
mod retention;
mod salvage;
mod serve;
mod sessions;
mod stats;
mod tail;
mod time;
mod top;
mod verify;

#[cfg(test)]
mod log_tests;
#[cfg(test)]
mod tests;

pub use command::main;
