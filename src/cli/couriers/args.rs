//! The options of `takeup couriers`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// The options of `takeup couriers`.
#[derive(Debug, Clone, Default, Args)]
pub struct CouriersArgs {
    /// Show them anew every second, until interrupted. If the output is no terminal: a line for each courier every second.
    #[arg(long)]
    pub watch: bool,
    /// Print NDJSON.
    #[arg(long)]
    pub json: bool,
    /// The server's admin address [default: as the server of the data folder has it: setting `admin`].
    #[arg(long, value_name = "ADDR:PORT")]
    pub admin: Option<SocketAddr>,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
}
