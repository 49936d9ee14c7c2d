//! The options of `takeup dead-letters`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::log::cursor::ConsumerName;

use super::super::serve::key_value;
use super::pick::Which;

/// The options of `takeup dead-letters`.
#[derive(Debug, Clone, Args)]
pub struct DeadLettersArgs {
    /// Print NDJSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do [default: list them all].
    #[command(subcommand)]
    pub command: Option<DeadLettersCommand>,
}

/// What can be done with dead letters.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadLettersCommand {
    /// List them: each with the record, and why it was refused.
    #[command(after_help = "Example:\n  takeup dead-letters list courier-redis")]
    List {
        /// Only those of this courier.
        #[arg(value_name = "COURIER")]
        courier: Option<ConsumerName>,
    },
    /// Show all of one, and the first bytes of its payload.
    #[command(after_help = "Example:\n  takeup dead-letters show courier-redis 3 --payload record.bin")]
    Show {
        /// Whose it is.
        #[arg(value_name = "COURIER")]
        courier: ConsumerName,
        /// Its line in the list, or its record's id.
        #[arg(value_name = "LINE|ID")]
        line: Which,
        /// Write the payload to this file, which must not exist.
        #[arg(long, value_name = "FILE")]
        payload: Option<PathBuf>,
    },
    /// Send them again, to the destination of the courier. What arrives is removed; what is refused again stays, with the new reason.
    ///
    /// They arrive after what the session has sent since. The exit code is 0 when all have arrived, 1 when not.
    #[command(
        after_help = "Examples:\n  takeup dead-letters send courier-redis 3 5 --set queue_message_size_limit=4000000\n  \
                      takeup dead-letters send courier-redis --all"
    )]
    Send(SendArgs),
    /// Remove them for good.
    #[command(after_help = "Example:\n  takeup dead-letters drop courier-redis 3 --yes")]
    Drop {
        /// Whose they are.
        #[arg(value_name = "COURIER")]
        courier: ConsumerName,
        /// Their lines in the list, or their records' ids.
        #[arg(value_name = "LINE|ID", required = true)]
        lines: Vec<Which>,
        /// Do it. Without this, it is only shown what would be dropped.
        #[arg(long)]
        yes: bool,
    },
}

/// The options of `takeup dead-letters send`.
#[derive(Debug, Clone, Args)]
pub struct SendArgs {
    /// Whose they are.
    #[arg(value_name = "COURIER")]
    pub courier: ConsumerName,
    /// Their lines in the list, or their records' ids.
    #[arg(value_name = "LINE|ID", required_unless_present = "all", conflicts_with = "all")]
    pub lines: Vec<Which>,
    /// All of the courier.
    #[arg(long)]
    pub all: bool,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// A setting for this time, as with `takeup serve`.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}
