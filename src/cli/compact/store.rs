//! Brings the archive's copy in an object store up to date.

use std::path::Path;

use serde::Serialize;

use crate::base::store_url::StoreUrl;
use crate::cli::error::CliError;
use crate::config::Config;

/// What was copied, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct StoreSummary {
    pub(super) url: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// What is not as it should be, and kept nothing else from being copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<String>,
}

/// Copies what the store does not have yet, and removes there what the archive does not have any more.
#[cfg(feature = "object-store")]
pub(super) fn copy(
    url: &StoreUrl,
    config: &Config,
    data: &Path,
    is_stopping: &dyn Fn() -> bool,
) -> Result<StoreSummary, CliError> {
    use super::progress::CopyProgress;
    use crate::archive::mirror::once::{Told, copy};
    use crate::cli::output::warn;
    use crate::node::store_access;

    let access = store_access(config, url.clone());
    let progress = CopyProgress::new();
    let mut waited = None;
    let mut tell = |told: Told<'_>| match told {
        Told::Planned { files, bytes } => progress.plan(files, bytes),
        Told::Uploaded(bytes) => progress.moved(bytes),
        Told::Busy => progress.remark(|| warn(&format!("another takeup copies the archive to {url}: waiting for it"))),
        Told::Waits(cause) => {
            if waited.as_ref() != Some(cause) {
                progress.remark(|| warn(&format!("{url} {cause}; it is tried again for some minutes")));
                waited = Some(cause.clone());
            }
        }
    };
    let copied = copy(&access, data, is_stopping, &mut tell);
    progress.finish();
    let copied = copied.map_err(|cause| {
        let advice = cause.trouble.advice();
        CliError::Other(format!("{url} {cause}; {advice}. The archive in the data folder is complete, and the next run goes on with the copy"))
    })?;
    let remark = copied.remark.map(|cause| format!("{cause}; {}", cause.trouble.advice()));
    Ok(StoreSummary { url: access.url.to_string(), files: copied.files, bytes: copied.bytes, remark })
}

#[cfg(not(feature = "object-store"))]
pub(super) fn copy(url: &StoreUrl, _: &Config, _: &Path, _: &dyn Fn() -> bool) -> Result<StoreSummary, CliError> {
    Err(CliError::Other(format!("{url}: this build has no feature object-store")))
}
