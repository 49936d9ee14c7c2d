//! Finds the sessions of users and projects in the archive.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::archive::error::ArchiveError;
use crate::archive::lock::ArchiveLock;
use crate::archive::look_ahead::look_ahead;
use crate::archive::manifest::{FileEntry, FileFilter, Manifest};
use crate::archive::place::Place;
use crate::archive::read_file::{checked_bytes, read_entry, table_of};
use crate::archive::record_file::RecordFile;
use crate::archive::rows::TableBuffer;
use crate::archive::source::Source;
use crate::log::format::record::{Ext, Record};
use crate::log::read::reader::LogReader;

use super::error::EraseError;
use super::mentions::{Mention, MentionReader};
use super::search::{INFLATED_BYTES_MAX, SearchReport};
use super::targets::Targets;

/// Files that could not be looked into, and why.
pub(super) type Unsearched = Vec<(PathBuf, String)>;

/// Adds the sessions of these users, and of the projects that are targets, that the archive knows: the log may not have them any more. The archive's
/// records are looked into as those of the log are, so that it does not matter where a record is that names somebody.
///
/// Almost all of it is read without the archive's lock, and only what came meanwhile under it. `step` is told how many of how many files were looked into.
pub(super) fn search(
    data: &Path,
    reader: &LogReader,
    users: &BTreeSet<String>,
    targets: &mut Targets,
    report: &mut SearchReport,
    step: &mut dyn FnMut(usize, usize),
) -> Result<Unsearched, EraseError> {
    let (place, mut unsearched) = (Place::in_data(data), Vec::new());
    if !place.dir().is_dir() {
        return Ok(unsearched);
    }
    let in_log = reader.segments()?.iter().map(|info| (info.core, info.id)).collect();
    let (log, mentions, by_archive) = (reader.log_uuid(), MentionReader::default(), 0);
    let mut search = Search { place: &place, log, in_log, users, targets, by_archive, mentions };
    let filter = search.tables();
    // The files that were looked into, and how many batches of each do not inflate.
    let mut looked: HashMap<String, u64> = HashMap::new();
    look_ahead(&place, &filter, |(done, all), file| {
        step(done, all);
        match search.file(file) {
            Ok(unreadable) => drop(looked.insert(file.path.clone(), unreadable)),
            // It may be gone because it was merged: that is known under the lock.
            Err(EraseError::Archive(error)) if is_damage(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    // Otherwise files could be merged meanwhile, and their sessions missed.
    let _lock = ArchiveLock::take(&place, &|| false)?;
    let source = Source::folder(&place);
    let Some(manifest) = Manifest::read(&source)? else { return Ok(unsearched) };
    for file in manifest.files(&source, &filter) {
        let (path, found) = match &file {
            Ok(file) => match looked.get(&file.path) {
                Some(&unreadable) => (place.file(&file.path), Ok(unreadable)),
                None => (place.file(&file.path), search.file(file)),
            },
            Err(_) => (place.manifest(), Ok(0)),
        };
        match file.err().map_or(found, |error| Err(error.into())) {
            Ok(unreadable) => report.unreadable_batches += unreadable,
            Err(EraseError::Archive(error)) if is_damage(&error) => unsearched.push((path, error.to_string())),
            Err(error) => return Err(error),
        }
    }
    report.by_archive += search.by_archive;
    Ok(unsearched)
}

/// Whether something of the archive can't be read, and the rest of it can.
fn is_damage(error: &ArchiveError) -> bool {
    match error {
        ArchiveError::Damaged { .. }
        | ArchiveError::Missing { .. }
        | ArchiveError::Manifest { .. }
        | ArchiveError::Parquet { .. } => true,
        ArchiveError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

struct Search<'a> {
    place: &'a Place,
    log: Uuid,
    /// The segments that the log has: what is in them has been looked into.
    in_log: HashSet<(u16, u64)>,
    users: &'a BTreeSet<String>,
    targets: &'a mut Targets,
    /// How many sessions were found.
    by_archive: u64,
    mentions: MentionReader,
}

impl Search<'_> {
    /// What has to be read: every record, or only what was received of each session.
    fn tables(&self) -> FileFilter {
        let of_projects = FileFilter::default().table("activity");
        if self.users.is_empty() { of_projects } else { of_projects.table("batches").table("records") }
    }

    /// Looks into a file. Returns how many of its batches do not inflate.
    fn file(&mut self, file: &FileEntry) -> Result<u64, EraseError> {
        match &*file.table {
            "activity" if self.targets.projects.is_empty() => Ok(0),
            "activity" => self.projects(file).map(|()| 0),
            _ => self.users(file),
        }
    }

    /// A file of `activity`, which has every session that has sent anything.
    fn projects(&mut self, file: &FileEntry) -> Result<(), EraseError> {
        let mut rows = TableBuffer::new(table_of(self.place, file)?);
        read_entry(self.place, file, &mut rows)?;
        for row in 0..rows.rows() {
            let key = rows.key(row);
            if self.targets.projects.contains(&u32::try_from(key.project).unwrap_or_default()) {
                self.by_archive += u64::from(self.targets.add(key.session.cast_unsigned())?);
            }
        }
        Ok(())
    }

    /// A file of `batches` or `records`, a row group at a time.
    fn users(&mut self, file: &FileEntry) -> Result<u64, EraseError> {
        let mut unreadable = 0;
        let path = self.place.file(&file.path);
        let records = RecordFile::open(&path, checked_bytes(self.place, file)?)?;
        for group in 0..records.groups() {
            for one in records.read(&path, group)? {
                let record = Record { ext: Ext(&one.ext), payload: &one.payload, ..one.head };
                if record.session == 0 || self.targets.sessions.contains(&record.session) {
                    continue;
                }
                match self.mentions.read(&record, self.users, INFLATED_BYTES_MAX) {
                    Mention::None => {}
                    Mention::Start | Mention::Message => {
                        self.by_archive += u64::from(self.targets.add(record.session)?);
                    }
                    Mention::Unreadable => {
                        let is_counted =
                            record.id.log == self.log && self.in_log.contains(&(record.id.core, record.id.segment));
                        unreadable += u64::from(!is_counted);
                    }
                }
            }
        }
        Ok(unreadable)
    }
}
