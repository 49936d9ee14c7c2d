//! The manifest as it is read, and how it is changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::archive::error::ArchiveError;
use crate::archive::lock::ArchiveLock;
use crate::archive::place::{ArchivePath, ListPath, MANIFEST, Place, list_path, remove, replace};
use crate::archive::source::Source;
use crate::archive::tables::SCHEMA_VERSION;
use crate::log::format::record::uuid_text;
use crate::log::read::merge::MergePosition;

use super::change::{Change, Step};
use super::day::{Day, VERSION};
use super::file_entry::FileEntry;
use super::filter::FileFilter;
use super::head_text;
use super::log_end::{LogEnd, LogEnds, Segments};

/// The largest head that is read: version 1 had all files in it.
const HEAD_BYTES_MAX: u64 = 1 << 30;

/// How often a snapshot is tried again while the archive changes.
const SNAPSHOTS_MAX: usize = 20;

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The archive's id; nil in version 1, which had none.
    pub archive: Uuid,
    /// Up to where the log is in the archive; `None` before the first chunk.
    pub to: Option<MergePosition>,
    /// The segments of that log that could not be read as a whole.
    pub unread: Segments,
    /// Where the archive ended in logs that were in the data folder before.
    pub earlier: Vec<LogEnd>,
    /// The number of the next file.
    pub next_number: u64,
    /// The days that have files, in order.
    pub days: Vec<Day>,
    /// The files of days that have no list in the folder: those of version 1, and of a [`Partial`](super::Partial).
    pub(super) unlisted: BTreeMap<String, Vec<FileEntry>>,
}

/// `manifest.json`.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    /// The newest version of the tables' columns among the files.
    schema: u32,
    #[serde(with = "uuid_text")]
    archive: Uuid,
    to: Option<MergePosition>,
    #[serde(default, skip_serializing_if = "Segments::is_empty")]
    unread: Segments,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<LogEnd>,
    next_number: u64,
    days: Vec<Day>,
}

/// `manifest.json` of version 1.
#[derive(Deserialize)]
struct Version1 {
    to: Option<MergePosition>,
    next_number: u64,
    files: Vec<FileEntry>,
}

/// What any version has.
#[derive(Deserialize)]
struct Versions {
    version: u32,
    schema: u32,
}

impl Manifest {
    /// A new archive, without files.
    pub fn empty() -> Self {
        Self::begun(Uuid::new_v4())
    }

    /// The archive with this id, before its first file.
    pub fn begun(archive: Uuid) -> Self {
        let (unread, earlier) = (Segments::new(), Vec::new());
        Self { archive, to: None, unread, earlier, next_number: 1, days: Vec::new(), unlisted: BTreeMap::new() }
    }

    /// Reads the head; `None` if there is none.
    ///
    /// # Errors
    /// [`ArchiveError::Manifest`] if it can't be believed or is of a newer version; failures to read.
    pub fn read(source: &Source) -> Result<Option<Self>, ArchiveError> {
        source.read(MANIFEST, HEAD_BYTES_MAX)?.map(|text| Self::parse(source, &text)).transpose()
    }

    /// The head with this text.
    ///
    /// # Errors
    /// [`ArchiveError::Manifest`].
    pub fn parse(source: &Source, text: &[u8]) -> Result<Self, ArchiveError> {
        let refused = |reason: String| ArchiveError::Manifest { path: source.path(MANIFEST), reason };
        let advice = "put back a copy, or move the archive's folder away: the next compaction then begins a new archive with the oldest record of the log";
        let damaged = |error: serde_json::Error| refused(format!("not a manifest ({error}); {advice}"));
        let versions: Versions = serde_json::from_slice(text).map_err(damaged)?;
        if versions.version > VERSION || versions.schema > SCHEMA_VERSION {
            return Err(refused(format!(
                "written by a newer takeup (version {}, tables {}; this one knows {VERSION} and {SCHEMA_VERSION}); use that one",
                versions.version, versions.schema
            )));
        }
        if versions.version == 1 {
            let old: Version1 = serde_json::from_slice(text).map_err(damaged)?;
            if let Some(file) = old.files.iter().find(|file| !file.is_in_place()) {
                return Err(refused(format!("names {:?}, which is no path of an archive's file; {advice}", file.path)));
            }
            return Ok(Self::of_version_1(old));
        }
        let head: Head = serde_json::from_slice(text).map_err(damaged)?;
        if !head_text::is_whole(text) {
            return Err(refused(format!("damaged: its bytes are not those that were written; {advice}")));
        }
        if let Some(day) = head.days.iter().find(|day| !day.is_in_place()) {
            return Err(refused(format!("names {:?}, which is no path of a day's list; {advice}", day.path)));
        }
        if !head.days.is_sorted_by(|one, next| one.date < next.date) {
            return Err(refused(format!("its days are not in order; {advice}")));
        }
        let Head { archive, to, unread, earlier, next_number, days, .. } = head;
        Ok(Self { archive, to, unread, earlier, next_number, days, unlisted: BTreeMap::new() })
    }

    fn of_version_1(old: Version1) -> Self {
        let mut unlisted: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
        for file in old.files {
            unlisted.entry(file.date.clone()).or_default().push(file);
        }
        let days = unlisted.iter().map(|(date, files)| Day::of(date, files)).collect();
        Self { to: old.to, next_number: old.next_number, days, unlisted, ..Self::begun(Uuid::nil()) }
    }

    /// Where the archive ends in each log.
    pub fn ends(&self) -> LogEnds {
        let last = self.to.clone().map(|to| LogEnd { to, unread: self.unread.clone() });
        LogEnds { last, earlier: self.earlier.clone() }
    }

    /// Where the archive ends in this log; `None` if nothing of it is in the archive.
    pub fn to_in(&self, log: Uuid) -> Option<MergePosition> {
        self.ends().of(log).map(|end| end.to.clone())
    }

    /// Whether it is still as an older takeup has written it. The next change, also an empty one, brings it to today's form.
    pub fn is_old(&self) -> bool {
        self.archive.is_nil()
    }

    /// The files of a day.
    ///
    /// # Errors
    /// Its list is missing, can't be read, or is not what was written.
    pub fn files_of(&self, source: &Source, day: &Day) -> Result<Vec<FileEntry>, ArchiveError> {
        match self.unlisted.get(&day.date) {
            Some(files) => Ok(files.clone()),
            None => day.read(source),
        }
    }

    /// The files that a filter takes, day by day. After an error, the next item is of the next day.
    pub fn files<'a>(
        &'a self,
        source: &'a Source,
        filter: &'a FileFilter,
    ) -> impl Iterator<Item = Result<FileEntry, ArchiveError>> + 'a {
        self.days.iter().filter(|day| filter.takes_day(&day.date)).flat_map(move |day| {
            let (files, error) = match self.files_of(source, day) {
                Ok(files) => (files, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            files.into_iter().filter(|file| filter.takes(file)).map(Ok).chain(error)
        })
    }

    /// The head, and the files that a filter takes, of one moment; `None` if there is no archive.
    ///
    /// # Errors
    /// Those of [`Self::read`] and [`Self::files`].
    pub fn snapshot(source: &Source, filter: &FileFilter) -> Result<Option<(Self, Vec<FileEntry>)>, ArchiveError> {
        let mut tries = 0;
        let Some(mut manifest) = Self::read(source)? else { return Ok(None) };
        loop {
            match manifest.files(source, filter).collect::<Result<Vec<FileEntry>, _>>() {
                Ok(files) => return Ok(Some((manifest, files))),
                // A list is removed once the next head is there.
                Err(error @ ArchiveError::Missing { .. }) if tries < SNAPSHOTS_MAX => {
                    let Some(newer) = Self::read(source)?.filter(|newer| *newer != manifest) else { return Err(error) };
                    manifest = newer;
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the manifest of this moment names a file: one that is gone was then lost, not merged or removed.
    ///
    /// # Errors
    /// Those of [`Self::snapshot`].
    pub fn names_now(source: &Source, file: &FileEntry) -> Result<bool, ArchiveError> {
        Self::names_path_now(source, &file.path)
    }

    /// The same, of the file with this path.
    ///
    /// # Errors
    /// Those of [`Self::snapshot`].
    pub fn names_path_now(source: &Source, path: &str) -> Result<bool, ArchiveError> {
        let Some(parsed) = ArchivePath::parse(path) else { return Ok(false) };
        let now = Self::snapshot(source, &FileFilter::default().day(parsed.date))?;
        Ok(now.is_none_or(|(_, files)| files.iter().any(|named| named.path == path)))
    }

    /// Changes the archive. The lock has been held since this manifest was read, and the names of files that are added are durable. When this returns,
    /// the change survives the machine; files that it takes away may be removed.
    ///
    /// # Errors
    /// A file that is to be replaced or removed is not there; the manifest or the lock on disk are others by now; failures to read and write. The
    /// archive is then as it was, unless the last step
    /// failed, the syncing of its folder: read the manifest to know.
    pub fn commit(&mut self, place: &Place, lock: &ArchiveLock, change: Change) -> Result<(), ArchiveError> {
        let refused = |reason: String| ArchiveError::Manifest { path: place.manifest(), reason };
        let source = Source::folder(place);
        let added = change.steps.iter().flat_map(Step::added).map(FileEntry::number).max();
        let mut lists = self.unlisted.clone();
        for step in change.steps {
            if let Some(file) = step.added().iter().find(|file| !file.is_in_place()) {
                return Err(refused(format!("{:?} is no path of an archive's file", file.path)));
            }
            let date = step.date().to_owned();
            if !lists.contains_key(&date) {
                let files = self.day(&date).map_or(Ok(Vec::new()), |day| day.read(&source))?;
                lists.insert(date.clone(), files);
            }
            step.apply(lists.entry(date).or_default()).map_err(refused)?;
        }
        let mut ends = self.ends();
        if let Some(to) = change.to {
            ends.extend(to, &change.unread);
            let oldest = self.days.first().map_or("", |day| &*day.date);
            ends.forget(oldest, |core, segment| place.has_segment(core, segment));
        }
        let LogEnds { last, earlier } = ends;
        let (to, unread) = last.map_or_else(Default::default, |last| (Some(last.to), last.unread));
        let mut next = Self {
            archive: if self.is_old() { Uuid::new_v4() } else { self.archive },
            to,
            unread,
            earlier,
            next_number: self.next_number.max(added.map_or(0, |number| number + 1)),
            days: self.days.iter().filter(|day| !lists.contains_key(&day.date)).cloned().collect(),
            unlisted: BTreeMap::new(),
        };
        let written = next.write_lists(place, &lists).and_then(|()| self.is_still_there(&source, lock));
        if let Err(error) = written {
            // One that stays goes when the archive is next opened. Under another lock, it may be that holder's list of the same name.
            if lock.is_in_place() {
                let new = next.days.iter().filter(|day| !self.names_list(&day.path));
                new.for_each(|day| drop(remove(&place.file(&day.path))));
            }
            return Err(error);
        }
        // If this fails, the new head may be there all the same, and needs its lists.
        next.write_head(place)?;
        let old = std::mem::replace(self, next);
        for day in old.days.iter().filter(|day| lists.contains_key(&day.date) && !day.path.is_empty()) {
            let _ = remove(&place.file(&day.path));
        }
        Ok(())
    }

    /// Checks that nothing but this change replaces this manifest: the folder may have been replaced by another one, or the lock removed by hand.
    fn is_still_there(&self, source: &Source, lock: &ArchiveLock) -> Result<(), ArchiveError> {
        if lock.is_in_place() && Self::read(source)?.as_ref() == Some(self) {
            return Ok(());
        }
        let reason =
            "the archive's folder, its manifest or its lock was replaced while files were written; nothing was changed"
                .to_owned();
        Err(ArchiveError::Manifest { path: source.path(MANIFEST), reason })
    }

    fn day(&self, date: &str) -> Option<&Day> {
        self.days.iter().find(|day| day.date == date)
    }

    fn write_lists(&mut self, place: &Place, lists: &BTreeMap<String, Vec<FileEntry>>) -> Result<(), ArchiveError> {
        for (date, files) in lists.iter().filter(|(_, files)| !files.is_empty()) {
            place.make_parents(&list_path(date, self.next_number))?;
            self.days.push(Day::write(place, date, self.next_number, files)?);
            self.next_number += 1;
        }
        self.days.sort_unstable_by(|one, other| one.date.cmp(&other.date));
        Ok(())
    }

    /// Begins an archive with this manifest. The lock is held, and there is none.
    ///
    /// # Errors
    /// Failures to write.
    pub fn begin(&self, place: &Place, _lock: &ArchiveLock) -> Result<(), ArchiveError> {
        self.write_head(place)
    }

    /// Puts it in the place of the one on disk. When this returns, it survives the machine.
    fn write_head(&self, place: &Place) -> Result<(), ArchiveError> {
        replace(&place.manifest(), &self.text(place)?)
    }

    /// The text of `manifest.json`. The place is for the error.
    ///
    /// # Errors
    /// It can't be written as JSON.
    pub fn text(&self, place: &Place) -> Result<Vec<u8>, ArchiveError> {
        let Self { archive, to, unread, earlier, next_number, days, .. } = self.clone();
        let head = Head { version: VERSION, schema: SCHEMA_VERSION, archive, to, unread, earlier, next_number, days };
        serde_json::to_vec(&head).map(head_text::sealed).map_err(|error| ArchiveError::Manifest {
            path: place.manifest(),
            reason: format!("cannot be written as JSON: {error}"),
        })
    }

    /// Whether it names this list.
    pub fn names_list(&self, path: &str) -> bool {
        ListPath::parse(path).and_then(|list| self.day(list.date)).is_some_and(|day| day.path == path)
    }
}

#[cfg(test)]
mod tests;
