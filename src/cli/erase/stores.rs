//! The object stores that the settings name.

use std::path::Path;

use crate::cli::error::CliError;
use crate::erase::Stores;

use super::args::EraseArgs;

/// The stores that have copies of segments and of the archive.
#[cfg(feature = "object-store")]
pub(super) fn named(args: &EraseArgs, data: &Path, waits: fn(&str)) -> Result<Stores, CliError> {
    use crate::cli::serve::ServeArgs;
    use crate::config::Config;
    use crate::node::store_access;

    let settings = ServeArgs { config: args.config.clone(), set: args.set.clone(), ..ServeArgs::default() };
    let config = Config::load_settings(&settings.sources(data))?.config;
    let segments = config.segments_url.clone().map(|url| store_access(&config, url));
    let archive = config.archive_store.clone().map(|url| store_access(&config, url));
    Ok(Stores { segments, archive, waits: Some(waits) })
}

/// This build knows none.
#[cfg(not(feature = "object-store"))]
pub(super) fn named(_: &EraseArgs, _: &Path, waits: fn(&str)) -> Result<Stores, CliError> {
    Ok(Stores { waits: Some(waits) })
}
