//! The manifest: which files make up the archive, and how far into the log they reach.
//!
//! # On disk
//!
//! ```text
//! manifest.json                       the head: version, the archive's id, cursor, next number, a list of each day, and its own hash
//! manifest/2026-11-29-<number>.json   the files of that day
//! ```
//!
//! A list is never changed. A change of the archive writes new lists of the days that it touches, synced, and then replaces the head, which names
//! each list with its BLAKE3 and length. So a change takes as much writing as a day has files, however long the archive is. The old lists are removed
//! after that. What the head and its lists do not name is not part of the archive: a crash leaves the archive as it was before or after the change.
//! The last commit's rename may not be durable yet where a process ended; whoever takes the lock makes it so first.
//! Version 1 had all files in the head; it is read, and becomes version 2 with the next change.
//!
//! # Reading
//!
//! Whatever reads goes through a [`Source`](super::source::Source), so it reads a folder or an object store. [`Manifest::snapshot`] gives the head
//! and the files that a [`FileFilter`] takes, of one moment. [`Manifest::files`] goes through them day by day, with one day's files in memory at a time.
//! [`FileEntry::open`] opens a file for any reader of Parquet; [`FileEntry::check`] compares its bytes with its hash.
//!
//! ```ignore
//! let source = Source::folder(&Place::in_data(data));
//! let filter = FileFilter::default().table("batches").from_us(from_us).until_us(until_us).session(session);
//! let Some((manifest, files)) = Manifest::snapshot(&source, &filter)? else { /* there is no archive */ };
//! for file in &files {
//!     let reader = SerializedFileReader::new(file.open(&source)?)?;
//! }
//! ```
//!
//! A file that is merged, erased from or removed while somebody reads goes from the folder once the new head is there. Who opens it then gets
//! [`ArchiveError::Missing`](super::error::ArchiveError::Missing), and may take a new snapshot. What is open stays readable.
//!
//! # Changing
//!
//! A change is made under the lock, to a manifest that was read under the same lock:
//!
//! ```ignore
//! let lock = ArchiveLock::take(place, is_stopping)?;
//! let mut manifest = archive.manifest()?;
//! // New files are numbered from manifest.next_number; their names are durable before the commit.
//! let new = add_file(place, &rows, hour, &range, manifest.next_number, GROUP_BYTES, &mut encoder)?;
//! sync_dir(place.file(&new.path).parent()...)?;
//! manifest.commit(place, &lock, Change::default().replace(&old, Some(new)))?;
//! // The old files are no part of the archive any more: remove them now. What a crash leaves goes when the archive is next opened.
//! ```
//!
//! - [`Change::with`] adds a file at the end of its day; [`Change::replace`] puts some in the place of others of the same table, hour and log (a merge, an
//!   erasure), or none; [`Change::remove`] takes files away; [`Change::to`] moves the cursor. One change may have any number of them: all take effect
//!   in one step. A file that is to be replaced or removed and is not there any more is an error, and nothing is changed.
//! - If writing the new files fails, [`remove_unfinished`](super::add_file::remove_unfinished) takes away what there is of them.

mod change;
#[cfg(test)]
pub mod crafted;
mod day;
mod file_entry;
mod filter;
mod head;
mod head_text;
mod log_end;
mod partial;
mod runs;

pub use change::Change;
pub use day::Day;
pub use file_entry::{FileEntry, LARGE_ROW_BYTES, Places, places};
pub use filter::FileFilter;
pub use head::Manifest;
pub use log_end::{LogEnd, LogEnds, Segments};
pub use partial::Partial;
pub use runs::next_merge;
