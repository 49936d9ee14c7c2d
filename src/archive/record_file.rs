//! The files of tables `batches` and `records`, read back as the records that they were made from.
//!
//! A payload that was inflated stays so: its record is given out with no encoding. All else of a record is as the log has it.

use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use bytes::Bytes;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use uuid::Uuid;

use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Label, Record, RecordId, Topic};

use super::error::ArchiveError;
use super::read_columns::{Columns, guarded};

/// A record of the archive, with memory of its own.
#[derive(Debug, Clone)]
pub struct ArchivedRecord {
    /// The record without its bytes.
    pub head: Record<'static>,
    /// Its extension.
    pub ext: Bytes,
    /// Its payload.
    pub payload: Bytes,
}

/// A file of table `batches` or `records`.
pub struct RecordFile {
    reader: Box<dyn FileReader>,
}

impl std::fmt::Debug for RecordFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordFile").field("groups", &self.groups()).finish_non_exhaustive()
    }
}

/// What a row group holds, as far as its footer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRange {
    /// How many rows.
    pub rows: u64,
    /// The bytes of its pages, inflated.
    pub bytes: u64,
    /// The projects, from the smallest to the largest; `None` if it is not known.
    pub projects: Option<RangeInclusive<i64>>,
    /// The sessions.
    pub sessions: Option<RangeInclusive<i64>>,
    /// The times of reception, in microseconds.
    pub times_us: Option<RangeInclusive<i64>>,
}

impl RecordFile {
    /// Opens a file, given with its path: its bytes, or where they are read as they are needed.
    ///
    /// # Errors
    /// Its footer can't be read.
    pub fn open<R: ChunkReader + 'static>(path: &Path, file: R) -> Result<Self, ArchiveError> {
        let opened = guarded(|| SerializedFileReader::new(file));
        Ok(Self { reader: Box::new(opened.map_err(ArchiveError::parquet(path, "read the file"))?) })
    }

    /// How many row groups it has.
    pub fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// What a row group holds.
    pub fn range(&self, group: usize) -> GroupRange {
        let group = self.reader.metadata().row_group(group);
        GroupRange {
            rows: group.num_rows().try_into().unwrap_or_default(),
            bytes: group.total_byte_size().try_into().unwrap_or_default(),
            projects: range_of(group, "project_id"),
            sessions: range_of(group, "session_id"),
            times_us: range_of(group, "received_at"),
        }
    }

    /// The records of a row group, in the order of its rows.
    ///
    /// # Errors
    /// It can't be read, or a value is none that a record can have.
    pub fn read(&self, path: &Path, group: usize) -> Result<Vec<ArchivedRecord>, ArchiveError> {
        let read = guarded(|| self.reader.get_row_group(group).and_then(|group| records_of(&*group)));
        read.map_err(ArchiveError::parquet(path, "read the file"))
    }
}

fn range_of(group: &RowGroupMetaData, name: &str) -> Option<RangeInclusive<i64>> {
    let column = group.columns().iter().find(|column| column.column_descr().name() == name)?;
    match column.statistics()? {
        Statistics::Int64(values) => Some(*values.min_opt()?..=*values.max_opt()?),
        _ => None,
    }
}

fn records_of(group: &dyn RowGroupReader) -> Result<Vec<ArchivedRecord>, ParquetError> {
    let columns = Columns::of(group)?;
    let projects = columns.ints("project_id")?;
    let sessions = columns.ints("session_id")?;
    let times = columns.ints("received_at")?;
    let pages = columns.optional_ints("page")?;
    let numbers = columns.optional_ints("number")?;
    let kinds: Vec<Kind> = codes(&columns, "kind")?;
    let topics: Vec<Topic> = codes(&columns, "topic")?;
    let data_types: Vec<DataType> = codes(&columns, "data_type")?;
    let splits = columns.optional_ints("split")?;
    let encodings: Vec<Encoding> = codes(&columns, "encoding")?;
    let flags = columns.ints("flags")?;
    let payloads = columns.bytes("payload")?;
    let kept = columns.texts("kept_as_received")?;
    let exts = columns.bytes("extension")?;
    let logs: Vec<Uuid> = codes(&columns, "log")?;
    let cores = columns.ints("core")?;
    let segments = columns.ints("segment")?;
    let offsets = columns.ints("offset")?;
    let mut records = Vec::with_capacity(columns.rows());
    for (at, (payload, ext)) in payloads.into_iter().zip(exts).enumerate() {
        let payload = payload.ok_or_else(|| wrong("payload"))?;
        let ext = ext.unwrap_or_default();
        let is_inflated = kept[at].is_none();
        let label = match (pages[at], numbers[at]) {
            (Some(page), Some(number)) => {
                Some(Label { page: narrow(page, "page")?, number: narrow(number, "number")? })
            }
            _ => None,
        };
        let head = Record {
            id: RecordId {
                log: logs[at],
                core: narrow(cores[at], "core")?,
                segment: segments[at].cast_unsigned(),
                offset: offsets[at].cast_unsigned(),
            },
            order_us: times[at].cast_unsigned(),
            kind: kinds[at],
            topic: topics[at],
            data_type: data_types[at],
            encoding: if is_inflated { Encoding::Identity } else { encodings[at] },
            session: sessions[at].cast_unsigned(),
            project: narrow(projects[at], "project_id")?,
            split: splits[at].map_or(Ok(0), |split| narrow(split, "split"))?,
            label,
            flags: Flags(narrow(flags[at], "flags")?),
            payload_crc: crc32c::crc32c_append(crc32c::crc32c(&ext), &payload),
            ext: Ext(&[]),
            payload: &[],
        };
        records.push(ArchivedRecord { head, ext, payload });
    }
    Ok(records)
}

/// A column of texts that stand for values: neighbours are mostly equal, so each value is parsed once for all that follow each other.
fn codes<T: FromStr + Copy>(columns: &Columns<'_>, name: &str) -> Result<Vec<T>, ParquetError> {
    let mut last: Option<(ByteArray, T)> = None;
    let parse = |text: Option<ByteArray>| {
        let text = text.ok_or_else(|| wrong(name))?;
        match &last {
            Some((known, value)) if known.data() == text.data() => Ok(*value),
            _ => {
                let value = text.as_utf8()?.parse().map_err(|_| wrong(name))?;
                last = Some((text, value));
                Ok(value)
            }
        }
    };
    columns.texts(name)?.into_iter().map(parse).collect()
}

fn narrow<T: TryFrom<i64>>(value: i64, name: &str) -> Result<T, ParquetError> {
    T::try_from(value).map_err(|_| wrong(name))
}

fn wrong(name: &str) -> ParquetError {
    ParquetError::General(format!("a value of column {name} is none that a record can have"))
}

#[cfg(test)]
mod tests;
