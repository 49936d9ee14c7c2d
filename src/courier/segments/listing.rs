//! What is in a store, for people: `takeup restore --list`.

use serde::Serialize;
use uuid::Uuid;

use crate::courier::cause::Cause;
use crate::courier::stores::{Patient, Store, StoreAccess, block_on};
use crate::log::format::record::uuid_text;

use super::catalog;
use super::restore_error::RestoreError;

/// A core's segments in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredCore {
    /// The log.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// The core.
    pub core: u16,
    /// Segments.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The order time of the oldest record; 0 if no sidecar tells it.
    pub first_us: u64,
    /// The order time of the newest record; 0 if no sidecar tells it.
    pub last_us: u64,
}

/// Lists what is in a store, by log and core.
///
/// # Errors
/// The settings do not describe a store, or the store does not answer.
pub fn list(
    access: &StoreAccess,
    log: Option<Uuid>,
    waits: &mut dyn FnMut(&Cause),
) -> Result<Vec<StoredCore>, RestoreError> {
    let store = Store::open(access).map_err(RestoreError::Settings)?;
    let listed = block_on(cores(&mut Patient::new(&store, waits), log)).map_err(RestoreError::Runtime)?;
    listed.map_err(|cause| RestoreError::Store { store: access.url.to_string(), cause })
}

async fn cores(store: &mut Patient<'_>, only: Option<Uuid>) -> Result<Vec<StoredCore>, Cause> {
    let mut listed = Vec::new();
    for log in catalog::logs(store).await? {
        if only.is_some_and(|only| only != log) {
            continue;
        }
        for (core, segments) in catalog::segments(store, log).await? {
            let (mut first_us, mut last_us) = (0, 0);
            if let (Some((_, first)), Some((_, last))) = (segments.first_key_value(), segments.last_key_value()) {
                first_us = catalog::times(store, first).await?.map_or(0, |times| times.0);
                last_us = catalog::times(store, last).await?.map_or(0, |times| times.1);
            }
            let bytes = segments.values().fold(0_u64, |sum, segment| sum.saturating_add(segment.bytes));
            listed.push(StoredCore { log, core, segments: segments.len() as u64, bytes, first_us, last_us });
        }
    }
    Ok(listed)
}
