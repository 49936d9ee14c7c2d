//! The archive: what the log holds, as Parquet files that any analyst's tool reads.
//!
//! # On disk
//!
//! ```text
//! <data>/archive/
//!   manifest.json     how far into the log the archive reaches, and a list of each day
//!   manifest/2026-11-29-<number>.json     the files of a day
//!   lock              held while files are written and the manifest is replaced
//!   <table>/date=2026-11-29/hour=08/<time of the first row, 20 digits>-<number>.parquet
//! ```
//!
//! Days and hours are UTC, and those of reception. A file is written under another name, synced and renamed, so that it appears as a whole.
//!
//! # Exactly once
//!
//! The log is taken in chunks: ranges of its merged order, bounded by what their rows take in memory and by age. A chunk becomes one file for each
//! table and hour that it has rows for. When all of them are durable, the manifest is replaced by one that names them and the chunk's end: until then
//! nothing of the chunk is in the archive, and from then on all of it is. The manifest is the cursor, so a crash at any moment repeats
//! nothing and leaves nothing out. Files that the manifest does not name were left by a crash, and are removed when the archive is next opened.
//!
//! Two compactors may run at once: each gathers its chunk without a lock, and commits it only if the archive ends where the chunk begins.
//!
//! # What can't be decoded
//!
//! Every record of the log is in `batches` or `records`. A payload that does not inflate, or inflates to more than the limit, stands there as
//! received, with the reason. What a batch's messages mean is decoded for `events`; one that can't be decoded has no rows there.
//!
//! | file | |
//! |---|---|
//! | [`mod@column`], [`table`] | what a column and a table are |
//! | [`buffer`], `presence` | the values of a column in memory, and which rows have one |
//! | [`known_text`], `text_set` | texts that many rows share |
//! | [`row`] | what a row implements, and where its values go |
//! | [`rows`] | the rows of a table in memory |
//! | [`tables`] | the columns and rows of each table |
//! | [`decode`] | batches into rows of table `events` |
//! | [`payload`] | a record's payload, inflated or as received |
//! | [`hour`] | the hour that a row belongs to |
//! | [`chunk`] | a range of the log as rows |
//! | `encode` | the rows of a column as a column chunk of Parquet |
//! | [`write_file`] | rows as a Parquet file |
//! | [`place`] | paths, and calls that make files durable |
//! | [`lock`], [`manifest`] | the files of these names |
//! | [`source`] | where an archive is read: a folder or an object store |
//! | [`read_file`] | a Parquet file as rows |
//! | [`file_rows`] | a Parquet file, one row after the other |
//! | `read_columns`, [`record_file`] | files of `batches` and `records` as the records that they were made from |
//! | [`recent_starts`](mod@recent_starts) | the sessions that began lately |
//! | [`user_file`] | files of `sessions` and `events`: the sessions of a user |
//! | [`scan_file`] | some columns of a Parquet file, a row group at a time |
//! | [`add_file`] | adds a file to the folders, removes what is not part of the archive |
//! | `mirror` | the archive's copy in an object store |
//! | [`merge_files`] | the small files of an hour as few large ones |
//! | [`rewrite`] | a file again, without some of its rows |
//! | [`erase_rows`] | the rows of a person erased from the files |
//! | [`look_ahead`](mod@look_ahead) | looks into files without the lock |
//! | `erasures` | how often that was done |
//! | `set_aside` | files that can't be merged |
//! | [`check`] | compares an archive with its manifest |
//! | [`retention`] | which rows leave the archive, when and why |
//! | [`store`] | an archive on disk: opened, extended by a chunk |
//! | [`compactor`] | records into chunks, and chunks into the archive |
//! | [`proof`] | which segments of the log are in the archive for certain |
//! | [`keeper`] | keeps the archive up to date while a server runs |
//! | [`error`] | what can go wrong |

pub mod add_file;
pub mod buffer;
pub mod check;
pub mod chunk;
pub mod column;
pub mod compactor;
#[cfg(test)]
pub mod crafted;
pub mod decode;
mod encode;
pub mod erase_rows;
mod erasures;
pub mod error;
pub mod file_rows;
pub mod hour;
pub mod keeper;
pub mod known_text;
pub mod lock;
pub mod look_ahead;
pub mod manifest;
pub mod merge_files;
#[cfg(feature = "object-store")]
pub mod mirror;
pub mod payload;
pub mod place;
mod presence;
pub mod proof;
mod read_columns;
pub mod read_file;
pub mod recent_starts;
pub mod record_file;
pub mod retention;
pub mod rewrite;
pub mod row;
pub mod rows;
pub mod scan_file;
mod set_aside;
pub mod source;
pub mod store;
pub mod table;
pub mod tables;
mod text_set;
pub mod user_file;
pub mod write_file;
