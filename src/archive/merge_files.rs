//! Merges the small files of an hour into few large ones, sorted as a whole.
//!
//! The files of one chunk, or of one merge, that belong to the same table and hour are a run: sorted, and without a session in two places. Runs
//! are merged as sorted lists are, row by row, so memory does not grow with the hour. The result is one run, cut into files of about
//! [`FILE_BYTES`]. So a session of a merged hour stands in one place, and a reader that looks for it needs one row group, or two.
//!
//! The merged files take the place of their inputs in one step, the replacing of the manifest. The inputs are removed after that; a crash before or
//! after leaves files that the manifest does not name, and the next opening removes them. Each input is checked against the manifest's
//! hash before it is read, so that damage is not copied into a file that looks whole.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::PathBuf;

use super::add_file::{LogRange, entry_of, file_meta, remove_unfinished};
use super::encode::ColumnEncoder;
use super::error::ArchiveError;
use super::file_rows::FileRows;
use super::hour::Hour;
use super::lock::ArchiveLock;
use super::manifest::{Change, FileEntry, Manifest, Places, next_merge};
use super::place::{Place, remove, sync_dir};
use super::read_file::table_of;
use super::rows::{RowKey, TableBuffer};
use super::store::Archive;
use super::table::Table;
use super::write_file::FileWriter;

/// The size of a merged file's rows in memory.
pub const FILE_BYTES: u64 = if cfg!(test) { 256 << 10 } else { 128 << 20 };

/// How much of a merged file is one row group, in bytes in memory: what a reader of one session reads of an hour.
pub const GROUP_BYTES: u64 = if cfg!(test) { 32 << 10 } else { 8 << 20 };

/// From this size on, a row group ends where a session does.
const GROUP_BYTES_ENOUGH: u64 = GROUP_BYTES / 4 * 3;

/// What was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// How many files it was before.
    pub inputs: u64,
    /// The files that took their place.
    pub outputs: Vec<FileEntry>,
}

/// Merges files of one hour that ended before `over_us`, if an hour has some that are small. `None`: there is nothing to merge.
///
/// # Errors
/// [`ArchiveError::Damaged`] if an input is not as it was written; failures to read and write. The archive is then as it was. An input that can't be read
/// is set aside ([`Archive::is_set_aside`]): the next call goes on with the others.
pub fn merge_next(
    archive: &Archive,
    over_us: u64,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Option<Merged>, ArchiveError> {
    let place = archive.place();
    let lock = ArchiveLock::take(place, is_stopping)?;
    let mut manifest = archive.manifest()?;
    let Some(inputs) = next_inputs(archive, &manifest, over_us)? else { return Ok(None) };
    let outputs = merge(place, &inputs, manifest.next_number, is_stopping).inspect_err(|error| {
        let _ = remove_unfinished(place, &lock);
        archive.set_aside_by(error, &inputs);
    })?;
    let change = Change::default().replace(&inputs, outputs.iter().cloned());
    manifest.commit(place, &lock, change).inspect_err(|_| {
        let _ = remove_unfinished(place, &lock);
    })?;
    for input in &inputs {
        // One that can't be removed now goes when the archive is next opened.
        let _ = remove(&place.file(&input.path));
    }
    Ok(Some(Merged { inputs: inputs.len() as u64, outputs }))
}

/// The bytes of the files that [`merge_next`] would take, which is about what it writes before they go; 0 if there is nothing to merge.
///
/// # Errors
/// The manifest can't be read.
pub fn bytes_to_merge(archive: &Archive, over_us: u64) -> Result<u64, ArchiveError> {
    let inputs = next_inputs(archive, &archive.manifest()?, over_us)?.unwrap_or_default();
    Ok(inputs.iter().map(|file| file.bytes).sum())
}

/// Files that become one run; `None` if there are none.
fn next_inputs(archive: &Archive, manifest: &Manifest, over_us: u64) -> Result<Option<Vec<FileEntry>>, ArchiveError> {
    let source = archive.source();
    for day in manifest.days.iter().filter(|day| day.to_merge > 0) {
        let mut files = manifest.files_of(&source, day)?;
        files.retain(|file| !archive.has_set_aside(file));
        let found = next_merge(&files, over_us);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// An input: opened when its first row is near, because the files of a run come one after the other.
struct Input {
    path: PathBuf,
    table: Table,
    rows: Option<FileRows>,
}

fn merge(
    place: &Place,
    inputs: &[FileEntry],
    number: u64,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Vec<FileEntry>, ArchiveError> {
    let Some(first) = inputs.first() else { unreachable!("there are inputs") };
    let table = table_of(place, first)?;
    let range = range_of(inputs, &first.log);
    let mut output = Output {
        place,
        table,
        hour: Hour::of_us(first.first_us.cast_unsigned()),
        range: &range,
        merged_from: merged_from(inputs),
        received_by_us: inputs.iter().map(FileEntry::received_by_us).max().unwrap_or_default(),
        number,
        rows: TableBuffer::new(table),
        encoder: ColumnEncoder::default(),
        file: None,
        entries: Vec::new(),
    };
    let mut open: Vec<Input> =
        inputs.iter().map(|input| Input { path: place.file(&input.path), table, rows: None }).collect();
    // The smallest key first; of equal ones that of the earlier file. Before an input is opened, a key that none of its rows is below.
    let bound = |input: &FileEntry| RowKey {
        project: input.first_session.0,
        session: input.first_session.1,
        received_us: i64::MIN,
    };
    let mut next: BinaryHeap<_> = inputs.iter().map(bound).zip(0..).map(Reverse).collect();
    while let Some(Reverse((key, at))) = next.pop() {
        let input = &mut open[at];
        let Some(rows) = &mut input.rows else {
            // A whole file is read to compare its hash.
            if is_stopping() {
                return Err(ArchiveError::Stopped);
            }
            let rows = input.rows.insert(FileRows::open(&input.path, input.table, &inputs[at].blake3)?);
            next.extend(rows.key().map(|key| Reverse((key, at))));
            continue;
        };
        let (from, row) = rows.row();
        if row == 0 && is_stopping() {
            return Err(ArchiveError::Stopped);
        }
        output.add(key, from, row)?;
        rows.advance()?;
        match rows.key() {
            Some(key) => next.push(Reverse((key, at))),
            // Done: nothing of it stays in memory.
            None => drop(input.rows.take()),
        }
    }
    output.finish()
}

/// The range of a log that all of these files are within. Runs are chosen by size, so they need not follow each other in the log.
fn range_of(inputs: &[FileEntry], log: &str) -> LogRange {
    let (mut from, mut to) = (Places::new(), Places::new());
    for input in inputs {
        for (&core, &place) in &input.to {
            let last = to.entry(core).or_insert(place);
            *last = (*last).max(place);
        }
        for (&core, &place) in &input.from {
            let first = from.entry(core).or_insert(place);
            *first = (*first).min(place);
        }
    }
    // A core that a file does not begin with was at its log's beginning.
    from.retain(|core, _| inputs.iter().all(|input| input.from.contains_key(core)));
    LogRange { log: log.to_owned(), from, to }
}

/// How many files these were before, when they were written from the log. Files of one run say it of the run.
fn merged_from(inputs: &[FileEntry]) -> u64 {
    let runs: BTreeMap<_, u64> =
        inputs.iter().map(|input| ((&input.from, &input.to), input.merged_from.max(1))).collect();
    runs.into_values().sum()
}

/// The files that a merge writes.
struct Output<'a> {
    place: &'a Place,
    table: Table,
    hour: Hour,
    range: &'a LogRange,
    merged_from: u64,
    /// When all of their rows had been received, at the latest.
    received_by_us: u64,
    number: u64,
    /// The row group that is being gathered.
    rows: TableBuffer,
    encoder: ColumnEncoder,
    file: Option<Unfinished>,
    entries: Vec<FileEntry>,
}

/// A file that is being written.
struct Unfinished {
    /// Its path below the archive's folder.
    path: String,
    writer: FileWriter,
}

impl Output<'_> {
    fn add(&mut self, key: RowKey, from: &TableBuffer, row: usize) -> Result<(), ArchiveError> {
        if let Some(last) = self.rows.rows().checked_sub(1) {
            let last = self.rows.key(last);
            let is_other_session = (key.project, key.session) != (last.project, last.session);
            let is_full = self.rows.bytes() + from.row_bytes(row) > GROUP_BYTES;
            if is_full || is_other_session && self.rows.bytes() >= GROUP_BYTES_ENOUGH {
                self.end_group()?;
            }
        }
        self.rows.push_row_of(from, row);
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), ArchiveError> {
        let rows = std::mem::replace(&mut self.rows, TableBuffer::new(self.table));
        let first_us = (0..rows.rows()).map(|row| rows.key(row).received_us).min().unwrap_or_default();
        let file = match &mut self.file {
            Some(file) => file,
            slot => {
                let number = self.number + self.entries.len() as u64;
                let path = Place::relative(self.table, self.hour, first_us.cast_unsigned(), number);
                self.place.make_parents(&path)?;
                let meta = file_meta(self.range);
                let writer = FileWriter::begin(self.table, &meta, &self.place.file(&path))?;
                slot.insert(Unfinished { path, writer })
            }
        };
        let order: Vec<u32> = (0..).take(rows.rows()).collect();
        file.writer.group(&mut self.encoder, &rows, &order)?;
        if file.writer.inflated_bytes() >= FILE_BYTES { self.end_file() } else { Ok(()) }
    }

    fn end_file(&mut self) -> Result<(), ArchiveError> {
        let Some(Unfinished { path, writer }) = self.file.take() else { return Ok(()) };
        let entry = entry_of(path, self.table, self.hour, self.range, writer.finish()?);
        let mut entry = FileEntry { merged_from: self.merged_from, ..entry };
        entry.set_received_by(self.received_by_us);
        self.entries.push(entry);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<FileEntry>, ArchiveError> {
        if self.rows.rows() > 0 {
            self.end_group()?;
        }
        self.end_file()?;
        if let Some(entry) = self.entries.first() {
            let path = self.place.file(&entry.path);
            sync_dir(path.parent().unwrap_or(&path))?;
        }
        Ok(self.entries)
    }
}

#[cfg(test)]
mod tests;
