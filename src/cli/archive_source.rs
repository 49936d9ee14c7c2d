//! The archive that a command reads: the data folder's, that of another folder, or one in an object store.

use std::path::Path;

use crate::archive::place::Place;
use crate::archive::source::Source;
use crate::base::archive_address::ArchiveAddress;

use super::error::CliError;
use super::serve::ServeArgs;

/// Prepares to read an archive; `None` means the data folder's. A store is asked with the keys of these settings.
///
/// # Errors
/// The settings can't be used, or this build knows no object stores.
pub fn open(address: Option<&ArchiveAddress>, settings: &ServeArgs, data: &Path) -> Result<Source, CliError> {
    match address {
        None => Ok(Source::folder(&Place::in_data(data))),
        Some(ArchiveAddress::Folder(dir)) => Ok(Source::folder(&Place::at(dir))),
        Some(ArchiveAddress::Store(url)) => in_store(url, settings, data),
    }
}

#[cfg(feature = "object-store")]
fn in_store(url: &crate::base::store_url::StoreUrl, settings: &ServeArgs, data: &Path) -> Result<Source, CliError> {
    use crate::archive::source::Remote;
    use crate::config::Config;
    use crate::node::store_access;

    let config = Config::load_settings(&settings.sources(data))?.config;
    let access = store_access(&config, url.clone());
    let told = access.url.clone();
    let remote = Remote::open(&access, move |cause| {
        super::output::warn(&format!("{told} {cause}; it is tried again for some minutes"));
    });
    Ok(Source::store(remote?))
}

#[cfg(not(feature = "object-store"))]
fn in_store(url: &crate::base::store_url::StoreUrl, _: &ServeArgs, _: &Path) -> Result<Source, CliError> {
    Err(CliError::Other(format!("{url}: this build has no feature object-store")))
}
