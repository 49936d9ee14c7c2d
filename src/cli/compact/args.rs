//! The options of `takeup compact`.

use std::path::PathBuf;

use clap::Args;

/// The options of `takeup compact`.
#[derive(Debug, Clone, Args)]
pub struct CompactArgs {
    /// Settings, of which body_inflated_limit counts [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How much goes into the archive at once, in MiB of inflated rows: memory grows with it, and a file becomes as large.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub chunk: u64,
    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,
}
