//! The options of `takeup top`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// The options of `takeup top`.
#[derive(Debug, Clone, Args)]
pub struct TopArgs {
    /// Print the numbers of one second as text, and end. No terminal is needed.
    #[arg(long)]
    pub once: bool,
    /// The server's admin address [default: as the server of the data folder has it: setting `admin`].
    #[arg(long, value_name = "ADDR:PORT")]
    pub admin: Option<SocketAddr>,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
}
