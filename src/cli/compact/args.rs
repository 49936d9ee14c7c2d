//! The options of `takeup compact`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::base::store_url::StoreUrl;
use crate::cli::serve::key_value;

/// The options of `takeup compact`.
#[derive(Debug, Clone, Args)]
pub struct CompactArgs {
    /// Settings, of which body_inflated_limit, archive_store and the store's keys count [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// How much goes into the archive at once, in MiB of inflated rows: memory grows with it, and a file becomes as large.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub chunk: u64,
    /// Which hours' small files are merged into few large ones afterwards: those that are over, all, or none.
    #[arg(long, value_name = "HOURS", value_enum, default_value_t = MergeHours::Over)]
    pub merge: MergeHours,
    /// Bring the archive's copy in this object store up to date afterwards [default: the setting archive_store].
    #[arg(long, value_name = "URL")]
    pub store: Option<StoreUrl>,
    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which hours' files are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MergeHours {
    /// Those that are over.
    Over,
    /// All.
    All,
    /// None.
    None,
}
