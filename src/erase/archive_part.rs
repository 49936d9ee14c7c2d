//! Finds a user's sessions in the archive, and erases from it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::archive::erase_rows::erase_rows;
use crate::archive::error::ArchiveError;
use crate::archive::lock::ArchiveLock;
use crate::archive::manifest::{FileFilter, Manifest};
use crate::archive::place::Place;
use crate::archive::read_file::{read_entry, table_of};
use crate::archive::rows::TableBuffer;
use crate::archive::source::Source;

use super::error::EraseError;
use super::receipt::{Findings, NotReached, PlaceReport};
use super::search::SearchReport;
use super::targets::Targets;

const PLACE: &str = "archive";

/// Adds the sessions of these users, and of the projects that are targets, that the archive knows: the log may not have them any more.
pub(super) fn search(
    data: &Path,
    users: &BTreeSet<String>,
    targets: &mut Targets,
    report: &mut SearchReport,
) -> Result<(), EraseError> {
    let place = Place::in_data(data);
    if !place.dir().is_dir() {
        return Ok(());
    }
    // Otherwise files could be merged meanwhile, and their sessions missed.
    let _lock = ArchiveLock::take(&place, &|| false)?;
    let source = Source::folder(&place);
    let Some(manifest) = Manifest::read(&source)? else { return Ok(()) };
    let filter = FileFilter::default().table("sessions").table("events").table("activity");
    for file in manifest.files(&source, &filter) {
        // What is damaged is told when it is to be erased from.
        let file = match file {
            Ok(file) => file,
            Err(ArchiveError::Damaged { .. } | ArchiveError::Missing { .. } | ArchiveError::Manifest { .. }) => {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        // `activity` has every session that has sent anything.
        let names = match &*file.table {
            "sessions" => "user_id",
            "events" => "value",
            "activity" if !targets.projects.is_empty() => "",
            _ => continue,
        };
        let mut rows = TableBuffer::new(table_of(&place, &file)?);
        match read_entry(&place, &file, &mut rows) {
            Ok(()) => {}
            Err(ArchiveError::Damaged { .. } | ArchiveError::Missing { .. } | ArchiveError::Parquet { .. }) => continue,
            Err(ArchiveError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        }
        let column = |name: &str| rows.table().columns.iter().position(|column| column.name == name);
        let (name, kind) = (column(names), column("kind").filter(|_| file.table == "events"));
        for row in 0..rows.rows() {
            let key = rows.key(row);
            let of_project = targets.projects.contains(&u32::try_from(key.project).unwrap_or_default());
            let says = |at: usize| rows.columns()[at].bytes(row);
            let is_naming = kind.is_none_or(|kind| matches!(says(kind), b"user" | b"metadata"));
            let is_user =
                || name.is_some_and(|name| std::str::from_utf8(says(name)).is_ok_and(|id| users.contains(id)));
            if of_project || (is_naming && is_user()) {
                report.by_archive += u64::from(targets.add(key.session.cast_unsigned())?);
            }
        }
    }
    Ok(())
}

/// Erases from the archive.
pub(super) fn erase_archive(
    data: &Path,
    targets: &Targets,
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
    for (path, reason) in erased.unreadable {
        findings.miss(NotReached::whole(PLACE, path.display(), reason));
    }
    Ok(())
}
