//! The options of `takeup erase`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::cli::serve::key_value;

/// The options of `takeup erase`.
#[derive(Debug, Clone, Args)]
pub struct EraseArgs {
    /// Erase this session; may be given several times.
    #[arg(long, value_name = "ID")]
    pub session: Vec<u64>,
    /// Erase all sessions of this user, by the id that the site gave the user; may be given several times.
    #[arg(long, value_name = "ID")]
    pub user: Vec<String>,
    /// The same, with the id that is in this file (- for stdin): options can be seen by everybody on this machine; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub user_from: Vec<PathBuf>,
    /// Erase everything of this project, by its number or key; may be given several times.
    #[arg(long, value_name = "ID|KEY")]
    pub project: Vec<String>,
    /// Change nothing, and tell what would be erased.
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask.
    #[arg(long, short)]
    pub yes: bool,
    /// Write the receipt to this new file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Print the receipt as JSON.
    #[arg(long)]
    pub json: bool,
    /// Put the users' ids into the receipt, and not only their hashes.
    #[arg(long)]
    pub name_users: bool,
    /// The server's admin address, if one runs [default: as the server has it: setting `admin`].
    #[arg(long, value_name = "ADDR:PORT")]
    pub admin: Option<SocketAddr>,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it: those of the object stores count.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}
