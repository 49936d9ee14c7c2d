//! The options of `takeup verify`.

use std::path::PathBuf;

use clap::Args;

use crate::base::archive_address::ArchiveAddress;
use crate::cli::serve::key_value;

/// The options of `takeup verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// Print NDJSON: a line a segment, then one for the whole log.
    #[arg(long)]
    pub json: bool,
    /// Print nothing but faults.
    #[arg(long, short)]
    pub quiet: bool,
    /// Check an archive instead of the log: that of the data folder, or of another folder, or one in an object store (s3://BUCKET/PREFIX).
    #[arg(long, value_name = "FOLDER|URL", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "clap's form of an option with an optional value")]
    pub archive: Option<Option<ArchiveAddress>>,
    /// The file of settings, for the keys of an object store [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG", requires = "archive")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value, requires = "archive")]
    pub set: Vec<(String, String)>,
}
