//! How much may be kept, by the settings.

use std::path::{Path, PathBuf};

use crate::assets::Limits;
use crate::cli::error::CliError;
use crate::cli::serve::ServeArgs;
use crate::config::Config;

/// The limits that a server with these settings has.
pub(super) fn limits(config: Option<&PathBuf>, set: &[(String, String)], data: &Path) -> Result<Limits, CliError> {
    let settings = ServeArgs { config: config.cloned(), set: set.to_vec(), ..ServeArgs::default() };
    let config = Config::load_settings(&settings.sources(data))?.config;
    Ok(Limits { asset_bytes: config.asset_bytes_max, store_bytes: config.assets_bytes })
}
