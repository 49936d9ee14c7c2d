//! The options of `takeup restore`.

use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use crate::base::store_url::StoreUrl;
use crate::cli::serve::key_value;
use crate::cli::time::time_us;

/// The options of `takeup restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// The store [default: the setting segments_url].
    #[arg(value_name = "URL")]
    pub url: Option<StoreUrl>,
    /// The new data folder; it must be empty, or not exist, or hold what an interrupted restore left.
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    pub to: Option<PathBuf>,
    /// Which log, if the store has several.
    #[arg(long, value_name = "UUID")]
    pub log: Option<Uuid>,
    /// Only segments with records from this time on: 2026-11-29, 2026-11-29T06:00:00Z, or how long ago, such as 36h.
    #[arg(long, value_name = "TIME", value_parser = time_us, conflicts_with = "list")]
    pub from: Option<u64>,
    /// Only segments with records before this time.
    #[arg(long, value_name = "TIME", value_parser = time_us, conflicts_with = "list")]
    pub until: Option<u64>,
    /// Only this core; may be given several times.
    #[arg(long, value_name = "N", conflicts_with = "list")]
    pub core: Vec<u16>,
    /// List what is in the store, and restore nothing.
    #[arg(long, conflicts_with = "to")]
    pub list: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// The file of settings, for the store's keys [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}
