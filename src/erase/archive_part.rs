//! Erases from the archive.

use std::path::{Path, PathBuf};

use crate::archive::erase_rows::erase_rows;
use crate::archive::place::Place;

use super::error::EraseError;
use super::receipt::{Findings, NotReached, PlaceReport};
use super::targets::Targets;

const PLACE: &str = "archive";

/// Erases from the archive. `unsearched` are files in which users could not be looked for, and why.
pub(super) fn erase_archive(
    data: &Path,
    targets: &Targets,
    mut unsearched: Vec<(PathBuf, String)>,
    dry_run: bool,
    findings: &mut Findings,
) -> Result<(), EraseError> {
    let place = Place::in_data(data);
    let erased = erase_rows(&place, &|session, project| targets.want(session, project), dry_run, &|| false)?;
    findings.places.push(PlaceReport {
        files: erased.files,
        files_changed: erased.files_changed,
        records: erased.rows,
        bytes: erased.bytes,
        ..PlaceReport::new(PLACE)
    });
    unsearched.retain(|(path, _)| erased.unreadable.iter().all(|(told, _)| told != path));
    for (path, reason) in erased.unreadable.into_iter().chain(unsearched) {
        findings.miss(NotReached::whole(PLACE, path.display(), reason));
    }
    Ok(())
}
