//! The options of `takeup assets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::serve::key_value;

/// The options of `takeup assets`.
#[derive(Debug, Clone, Args)]
pub struct AssetsArgs {
    /// Print NDJSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: AssetsCommand,
}

/// What can be done with assets.
#[derive(Debug, Clone, Subcommand)]
pub enum AssetsCommand {
    /// Keep the style sheets, pictures and fonts below a folder: `DIR/css/a.css` as `URL/css/a.css`. Other files are left out.
    #[command(after_help = "Examples:\n  takeup assets push dist --project 1 --base https://shop.example/\n  \
                            takeup assets push dist --project 1 --base https://cdn.example/v7 --json | jq .kept")]
    Push(PushArgs),
    /// List what is kept.
    #[command(after_help = "Example:\n  takeup assets list --project 1")]
    List {
        /// Only what is kept for this project, by its number or key.
        #[arg(long, value_name = "ID|KEY")]
        project: Option<String>,
    },
    /// Remove what is kept for a project, or what of it has a URL that begins like this.
    #[command(after_help = "Example:\n  takeup assets remove --project 1 --prefix https://shop.example/css/")]
    Remove {
        /// The project, by its number or key.
        #[arg(long, value_name = "ID|KEY")]
        project: String,
        /// Only those whose URL begins with this.
        #[arg(long, value_name = "URL")]
        prefix: Option<String>,
    },
}

/// The options of `takeup assets push`.
#[derive(Debug, Clone, Args)]
pub struct PushArgs {
    /// A folder with files of the site.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The project whose recordings show them, by its number or key.
    #[arg(long, value_name = "ID|KEY")]
    pub project: String,
    /// Where the site has the folder.
    #[arg(long, value_name = "URL")]
    pub base: String,
    /// The file of settings [default: takeup.toml in the data folder].
    #[arg(long, value_name = "FILE", env = "TAKEUP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any setting, as `takeup serve` takes it: asset_bytes_max and assets_bytes count.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}
