//! The options of `takeup sessions`.

use clap::Args;

use crate::config::value;

/// The options of `takeup sessions`.
#[derive(Debug, Clone, Default, Args)]
pub struct SessionsArgs {
    /// Only sessions of this project, by its number.
    #[arg(long, value_name = "ID")]
    pub project: Option<u32>,
    /// Only the newest N.
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Only sessions with malformed batches, with the first fault of each: metadata that is not first, a wrong size, message numbers that
    /// run backwards, a split that is no batch boundary, a body that does not inflate.
    #[arg(long)]
    pub broken: bool,
    /// The largest batch to inflate for --broken.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = value::size::<usize>, requires = "broken")]
    pub inflated_max: usize,
    /// Print NDJSON: session_id, project_id, start_ms, length_ms, batches, bytes, browser, user; with --broken: session_id,
    /// project_id, tracker, batches, broken, unusable, index_steps_back, record, offset, kind, fault, cost.
    #[arg(long)]
    pub json: bool,
}
