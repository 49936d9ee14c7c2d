//! Brings the archive's copy in an object store to where the archive is after an erasure, and removes older versions that the store keeps of it.

use std::path::Path;

use crate::archive::mirror::once::{Told, copy};
use crate::archive::mirror::record::RecordFile;
use crate::archive::mirror::versions::Versions;
use crate::archive::place::Place;
use crate::courier::Cause;
use crate::courier::stores::StoreAccess;

use super::error::EraseError;
use super::receipt::{Findings, NotReached, PlaceReport};
use super::stores::Stores;
use super::targets::Targets;

/// The archive's copy among the places of a receipt.
const PLACE: &str = "archive-store";

/// Erases from the archive's copy, after the archive itself.
pub(super) fn erase_archive_copy(
    data: &Path,
    stores: &Stores,
    targets: &Targets,
    dry_run: bool,
    findings: &mut Findings,
) -> Result<(), EraseError> {
    let (record, has_archive) = (RecordFile::beside(data), Place::in_data(data).manifest().exists());
    let was_copied = record.path().exists();
    let missed = match &stores.archive {
        Some(access) if has_archive => return work(data, access, stores, targets, dry_run, findings),
        _ if dry_run || !was_copied => return Ok(()),
        Some(access) => {
            let reason = "the archive was copied there, and there is no archive in the data folder any more to take out of it what is erased: remove the copy, \
                          and archive-store.json";
            NotReached::whole(PLACE, &access.url, reason)
        }
        None => {
            let reason = "the archive was copied to the object store that this file names, and the settings name none: set archive_store, or give --set \
                          archive_store=URL, and run the command again for the same sessions; or remove the copy, and this file";
            NotReached::whole(PLACE, record.path().display(), reason)
        }
    };
    findings.miss(missed);
    Ok(())
}

fn work(
    data: &Path,
    access: &StoreAccess,
    stores: &Stores,
    targets: &Targets,
    dry_run: bool,
    findings: &mut Findings,
) -> Result<(), EraseError> {
    let (told, url) = (stores.teller(), access.url.clone());
    let versions = Versions::open(access, move |cause| told(&url, cause))?;
    let mut place = PlaceReport::new(PLACE);
    let mut before = None;
    if !dry_run {
        before = versions.of_manifest()?;
        let failed = |cause: Cause| EraseError::Store { store: access.url.to_string(), cause };
        let mut tell = |event: Told<'_>| match event {
            Told::Waits(cause) => told(&access.url, cause),
            // Its end is waited for, however long it takes.
            Told::Busy => {
                stores.tell(&format!("{}: another process copies the archive there; waiting for it", access.url))
            }
            Told::Planned { .. } | Told::Uploaded(_) => {}
        };
        let copied = copy(access, data, &|| false, &mut tell).map_err(failed)?;
        place.files += copied.files + copied.removed;
        place.files_changed += copied.files + copied.removed;
        // A file that could not be copied is told where the archive is: the copy does not have it.
        for name in copied.left {
            let reason = copied.remark.as_ref().map_or_else(String::new, ToString::to_string);
            let reason = format!("it may have something, and the store does not let takeup remove it: {reason}");
            findings.miss(NotReached::whole(PLACE, format!("{}/{name}", access.url), reason));
        }
    }
    let wanted = |session, project| targets.want(session, project);
    let erased = versions.erase(before.as_deref(), &wanted, dry_run)?;
    place.files += erased.looked;
    place.files_changed += erased.removed;
    place.bytes += erased.bytes;
    findings.places.push(place);
    for (name, reason) in erased.left {
        findings.miss(NotReached::whole(PLACE, format!("{}/{name}", access.url), reason));
    }
    Ok(())
}
