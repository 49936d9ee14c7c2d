//! Merges the small files of an hour into few large ones.
//!
//! The merged file takes the place of its inputs in one step, the replacing of the manifest. The inputs are removed after that; a crash before or
//! after leaves files that the manifest does not name, and the next opening removes them. What is read of an input is checked against the manifest's
//! hash, so that damage is not copied into a file that looks whole.

use std::collections::BTreeMap;

use super::add_file::{LogRange, add_file, remove_unfinished};
use super::error::ArchiveError;
use super::hour::Hour;
use super::lock::ArchiveLock;
use super::manifest::{Change, FileEntry, Manifest, SMALL_BYTES};
use super::place::{Place, remove, sync_dir};
use super::read_file::{read_entry, table_of};
use super::rows::TableBuffer;
use super::store::Archive;

/// The size of a merged file's rows in memory, and so the memory that merging takes.
pub const MERGED_BYTES: u64 = 2 * SMALL_BYTES;

/// How much of a merged file is one row group, in bytes in memory.
const GROUP_BYTES: u64 = 64 << 20;

/// How many files become one at most.
const INPUTS_MAX: usize = 32;

/// What was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// How many files it was before.
    pub inputs: u64,
    /// The file that took their place.
    pub output: FileEntry,
}

/// Merges files of one hour that ended before `over_us`, if an hour has some that are small. `None`: there is nothing to merge.
///
/// # Errors
/// [`ArchiveError::Damaged`] if an input is not as it was written; failures to read and write. The archive is then as it was.
pub fn merge_next(
    archive: &Archive,
    over_us: u64,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Option<Merged>, ArchiveError> {
    let place = archive.place();
    let lock = ArchiveLock::take(place, is_stopping)?;
    let mut manifest = archive.manifest()?;
    let Some(inputs) = next_inputs(archive, &manifest, over_us)? else { return Ok(None) };
    let output = merge(place, &inputs, manifest.next_number).inspect_err(|_| {
        let _ = remove_unfinished(place);
    })?;
    manifest.commit(place, &lock, Change::default().replace(&inputs, Some(output.clone())))?;
    for input in &inputs {
        // One that can't be removed now goes when the archive is next opened.
        let _ = remove(&place.file(&input.path));
    }
    Ok(Some(Merged { inputs: inputs.len() as u64, output }))
}

/// Files that become one; `None` if there are none.
fn next_inputs(archive: &Archive, manifest: &Manifest, over_us: u64) -> Result<Option<Vec<FileEntry>>, ArchiveError> {
    let source = archive.source();
    for day in manifest.days.iter().filter(|day| day.small > 0) {
        let found = inputs(&manifest.files_of(&source, day)?, over_us);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Table, hour and log.
type HourKey<'a> = (&'a str, &'a str, &'a str);

/// Files of a day that become one: of one table, hour and log, one behind the other, together no larger than a merged file should be.
fn inputs(files: &[FileEntry], over_us: u64) -> Option<Vec<FileEntry>> {
    let mut groups: BTreeMap<HourKey<'_>, (u64, Vec<&FileEntry>)> = BTreeMap::new();
    for file in files {
        let is_over = Hour::of_us(file.last_us.cast_unsigned()).end_us() <= over_us;
        if !is_over || !file.is_small() {
            continue;
        }
        let key = (&*file.table, &*file.hour, &*file.log);
        let (bytes, group) = groups.entry(key).or_default();
        let is_full = group.len() == INPUTS_MAX || *bytes + file.inflated_bytes > MERGED_BYTES;
        if is_full {
            if group.len() > 1 {
                break;
            }
            (*bytes, *group) = (0, Vec::new());
        }
        *bytes += file.inflated_bytes;
        group.push(file);
    }
    let found = groups.into_values().map(|(_, group)| group).find(|group| group.len() > 1)?;
    Some(found.into_iter().cloned().collect())
}

fn merge(place: &Place, inputs: &[FileEntry], number: u64) -> Result<FileEntry, ArchiveError> {
    let (Some(first), Some(last)) = (inputs.first(), inputs.last()) else {
        unreachable!("there are inputs");
    };
    let mut rows = TableBuffer::new(table_of(place, first)?);
    for input in inputs {
        read_entry(place, input, &mut rows)?;
    }
    let range = LogRange { log: first.log.clone(), from: first.from.clone(), to: last.to.clone() };
    let hour = Hour::of_us(first.first_us.cast_unsigned());
    let mut output = add_file(place, &rows, hour, &range, number, GROUP_BYTES)?;
    output.merged_from = inputs.iter().map(|input| input.merged_from.max(1)).sum();
    let path = place.file(&output.path);
    sync_dir(path.parent().unwrap_or(&path))?;
    Ok(output)
}
