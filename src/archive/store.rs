//! An archive on disk: opened, extended by a chunk, and cleared of what a crash left.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::read::merge::MergePosition;
use crate::log::read::received::received_us;

use super::add_file::{LogRange, add_file, remove_strays, remove_unfinished};
use super::chunk::Chunk;
use super::encode::ColumnEncoder;
use super::erasures;
use super::error::ArchiveError;
use super::hour::Hour;
use super::lock::ArchiveLock;
use super::manifest::{Change, FileEntry, LogEnds, Manifest, Segments, places};
use super::place::{Place, sync_dir};
use super::rows::TableBuffer;
use super::set_aside::SetAside;
use super::source::Source;
use super::table::Table;

/// How much of a chunk's file is one row group, in bytes in memory.
const GROUP_BYTES: u64 = 16 << 20;

/// An archive.
#[derive(Debug, Clone)]
pub struct Archive {
    place: Place,
    /// How many erasures there had been when the chunk at hand was begun.
    erasures: Arc<AtomicU64>,
    set_aside: SetAside,
}

/// What became of a chunk.
#[derive(Debug)]
pub enum Committed {
    /// It is in the archive.
    Done(Totals),
    /// The archive does not end where the chunk begins, because somebody else extended it; or records were erased meanwhile that the chunk may
    /// have. The chunk was dropped. Here is where the archive ends.
    Moved(LogEnds),
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Records of the log.
    pub records: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// What the rows took in memory.
    pub inflated_bytes: u64,
}

impl Totals {
    /// Adds other totals.
    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.rows += other.rows;
        self.files += other.files;
        self.bytes += other.bytes;
        self.inflated_bytes += other.inflated_bytes;
    }
}

impl Archive {
    /// Opens the archive of a data folder, or begins one, and removes what is not part of it. Returns its manifest too.
    ///
    /// # Errors
    /// The manifest can't be believed, or is missing beside files; the lock; failures of the system.
    pub fn open(place: Place, is_stopping: &dyn Fn() -> bool) -> Result<(Self, Manifest), ArchiveError> {
        place.make()?;
        let lock = ArchiveLock::take(&place, is_stopping)?;
        let mut manifest = match Manifest::read(&Source::folder(&place))? {
            Some(manifest) => manifest,
            None => begin(&place, &lock)?,
        };
        if manifest.is_old() {
            manifest.commit(&place, &lock, Change::default())?;
        }
        remove_strays(&place, &manifest)?;
        let erasures = Arc::new(AtomicU64::new(erasures::read(&place)?));
        Ok((Self { place, erasures, set_aside: SetAside::default() }, manifest))
    }

    /// The place on disk.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where its files are read.
    pub fn source(&self) -> Source {
        Source::folder(&self.place)
    }

    /// The manifest as it is now.
    ///
    /// # Errors
    /// It can't be read, or is gone.
    pub fn manifest(&self) -> Result<Manifest, ArchiveError> {
        Manifest::read(&self.source())?.ok_or_else(|| ArchiveError::Manifest {
            path: self.place.manifest(),
            reason: "gone since it was opened; put back a copy, or restart to begin a new archive".into(),
        })
    }

    /// Removes what is not part of the archive: another process may have left it when it was killed.
    ///
    /// # Errors
    /// The manifest can't be believed; failures of the system.
    pub fn sweep(&self, is_stopping: &dyn Fn() -> bool) -> Result<(), ArchiveError> {
        let _lock = ArchiveLock::take(&self.place, is_stopping)?;
        remove_strays(&self.place, &self.manifest()?)
    }

    /// Sets the input aside, of those of a merge, that an error is about, if it is about one.
    pub(super) fn set_aside_by(&self, error: &ArchiveError, inputs: &[FileEntry]) {
        let Some(path) = error.path() else { return };
        if let Some(file) = inputs.iter().find(|file| self.place.file(&file.path) == path) {
            self.set_aside.add(&file.path, error.to_string());
        }
    }

    /// Whether a file is left out of merges.
    pub(super) fn has_set_aside(&self, file: &FileEntry) -> bool {
        self.set_aside.has(&file.path)
    }

    /// Whether an error is about a file that is left out of merges by now.
    pub fn is_set_aside(&self, error: &ArchiveError) -> bool {
        error.path().is_some_and(|path| self.set_aside.has_file(self.place.dir(), path))
    }

    /// What is wrong with the files that are left out of merges; `None` if there are none.
    pub fn set_aside(&self) -> Option<String> {
        self.set_aside.first()
    }

    /// Tries files again that were left out of merges.
    pub fn forget_set_aside(&self) {
        self.set_aside.clear();
    }

    /// Extends the archive by a chunk that begins at `from`, where the archive ended when the chunk was begun, and ends at `to`.
    ///
    /// # Errors
    /// Failures to write; then nothing of the chunk is in the archive, and it may be tried again.
    pub fn commit(
        &self,
        from: Option<&MergePosition>,
        to: &MergePosition,
        rows: &Rows,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Committed, ArchiveError> {
        let lock = ArchiveLock::take(&self.place, is_stopping)?;
        let mut manifest = self.manifest()?;
        let erasures = erasures::read(&self.place)?;
        if self.erasures.swap(erasures, Ordering::SeqCst) != erasures || manifest.to.as_ref() != from {
            return Ok(Committed::Moved(manifest.ends()));
        }
        // Another log may have been archived since this one was.
        let begin = manifest.to_in(to.log);
        let entries =
            self.write_all(begin.as_ref(), to, rows, manifest.next_number, is_stopping).inspect_err(|_| {
                // What was written of it is in nobody's way, but it takes space that may be short.
                let _ = remove_unfinished(&self.place, &lock);
            })?;
        let mut totals = Totals { records: rows.records, ..Totals::default() };
        for entry in &entries {
            totals.files += 1;
            totals.rows += entry.rows;
            totals.bytes += entry.bytes;
            totals.inflated_bytes += entry.inflated_bytes;
        }
        let change = entries.into_iter().fold(Change::default(), Change::with).to(to.clone());
        manifest.commit(&self.place, &lock, change.unread(rows.unread.clone())).inspect_err(|_| {
            let _ = remove_unfinished(&self.place, &lock);
        })?;
        Ok(Committed::Done(totals))
    }

    fn write_all(
        &self,
        from: Option<&MergePosition>,
        to: &MergePosition,
        rows: &Rows,
        first_number: u64,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Vec<FileEntry>, ArchiveError> {
        let range = LogRange { log: to.log.to_string(), from: places(from), to: places(Some(to)) };
        let received = received_by(&self.place.log_dir(), &rows.segments);
        let mut encoder = ColumnEncoder::default();
        let mut entries = Vec::with_capacity(rows.buffers.len());
        for ((&(_, hour), buffer), number) in rows.buffers.iter().zip(first_number..) {
            if is_stopping() {
                return Err(ArchiveError::Stopped);
            }
            let mut entry = add_file(&self.place, buffer, hour, &range, number, GROUP_BYTES, &mut encoder)?;
            entry.set_received_by(received.get(&hour).copied().unwrap_or_else(|| hour.end_us()));
            entries.push(entry);
        }
        let folders: HashSet<_> =
            entries.iter().filter_map(|entry| self.place.file(&entry.path).parent().map(ToOwned::to_owned)).collect();
        folders.iter().try_for_each(|folder| sync_dir(folder))?;
        Ok(entries)
    }
}

/// Begins an archive in an empty folder.
fn begin(place: &Place, lock: &ArchiveLock) -> Result<Manifest, ArchiveError> {
    let files = place.files()?.len() + place.lists()?.len();
    if files > 0 {
        // An archive has a manifest before it has a file, so this one was lost.
        return Err(ArchiveError::Manifest {
            path: place.manifest(),
            reason: format!(
                "missing, beside {files} files of an archive; put back a copy, or move the archive's folder away: the next compaction then begins \
                 a new archive with the oldest record of the log"
            ),
        });
    }
    let manifest = Manifest::empty();
    manifest.begin(place, lock)?;
    Ok(manifest)
}

/// A chunk that is complete.
#[derive(Debug)]
pub struct Rows {
    buffers: BTreeMap<(Table, Hour), TableBuffer>,
    segments: BTreeMap<Hour, BTreeSet<(u16, u64)>>,
    unread: Segments,
    records: u64,
}

impl Rows {
    /// Notes segments of the chunk's range that could not be read as a whole.
    #[must_use]
    pub fn with_unread(mut self, unread: Segments) -> Self {
        self.unread = unread;
        self
    }
}

/// When the rows of each hour had been received, at the latest: when it ended, or what the segments that they are from say where the server's clock was off.
fn received_by(log_dir: &Path, segments: &BTreeMap<Hour, BTreeSet<(u16, u64)>>) -> BTreeMap<Hour, u64> {
    let mut known = HashMap::new();
    let mut of_segment = |&(core, segment): &(u16, u64)| {
        *known.entry((core, segment)).or_insert_with(|| received_us(log_dir, core, segment))
    };
    let mut of_hour = |hour: Hour, segments: &BTreeSet<(u16, u64)>| {
        let of_segments = segments.iter().map(|segment| of_segment(segment).unwrap_or_else(|| hour.end_us()));
        of_segments.max().unwrap_or_else(|| hour.end_us())
    };
    segments.iter().map(|(&hour, segments)| (hour, of_hour(hour, segments))).collect()
}

impl From<Chunk> for Rows {
    fn from(chunk: Chunk) -> Self {
        let (records, segments) = (chunk.records(), chunk.segments().clone());
        Self { buffers: chunk.finish(), segments, unread: Segments::new(), records }
    }
}
