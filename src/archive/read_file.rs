//! Reads the rows of a file back.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use super::buffer::ColumnBuffer;
use super::column::{Column, ColumnKind};
use super::error::ArchiveError;
use super::manifest::FileEntry;
use super::place::Place;
use super::rows::TableBuffer;
use super::table::Table;
use super::tables;

/// How many values are read at once.
const STEP_ROWS: usize = 1024;

/// The table of a file that the manifest names.
///
/// # Errors
/// There is no such table.
pub fn table_of(place: &Place, entry: &FileEntry) -> Result<Table, ArchiveError> {
    tables::ALL.into_iter().find(|table| table.name == entry.table).ok_or_else(|| ArchiveError::Manifest {
        path: place.manifest(),
        reason: format!("names a table {:?} that there is not", entry.table),
    })
}

/// The bytes of a file that the manifest names, checked against its hash, so that damage is not copied into a file that looks whole.
///
/// # Errors
/// [`ArchiveError::Damaged`] if it is not as it was written; failures to read.
pub fn checked_bytes(place: &Place, entry: &FileEntry) -> Result<Bytes, ArchiveError> {
    let path = place.file(&entry.path);
    let bytes = fs::read(&path).map_err(ArchiveError::io(&path, "read the file"))?;
    if blake3::hash(&bytes).to_hex().as_str() != entry.blake3 {
        return Err(ArchiveError::Damaged { path });
    }
    Ok(Bytes::from(bytes))
}

/// Adds the rows of a file that the manifest names to `rows`.
///
/// # Errors
/// Those of [`checked_bytes`] and [`read_file`].
pub fn read_entry(place: &Place, entry: &FileEntry, rows: &mut TableBuffer) -> Result<(), ArchiveError> {
    read_file(&place.file(&entry.path), checked_bytes(place, entry)?, rows)
}

/// Adds the rows of a file, given with its path and its bytes (or what reads them), to `rows`. A column that the file does not have yet has no value in its rows.
///
/// # Errors
/// The file is not of this table, or can't be read.
pub fn read_file<R: ChunkReader + 'static>(path: &Path, bytes: R, rows: &mut TableBuffer) -> Result<(), ArchiveError> {
    let failed = || ArchiveError::parquet(path, "read the file");
    let reader = SerializedFileReader::new(bytes).map_err(failed())?;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed())?;
        append_group(&*group, rows).map_err(failed())?;
    }
    Ok(())
}

/// Adds the rows of a row group, with the columns that `rows` has.
pub(super) fn append_group(group: &dyn RowGroupReader, rows: &mut TableBuffer) -> Result<(), ParquetError> {
    let known = rows.table().columns;
    let places = places(group.metadata().schema_descr(), known);
    let count = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
    rows.append(count, |at: usize, to: &mut ColumnBuffer| match places[at] {
        Some(from) => read_column(&mut group.get_column_reader(from)?, count, to),
        None => fill_missing(&known[at], count, to),
    })
}

/// Where in a file each of these columns is; `None` if it was written before there was such a column.
pub(super) fn places(schema: &SchemaDescriptor, columns: &[Column]) -> Vec<Option<usize>> {
    columns.iter().map(|column| schema.columns().iter().position(|found| found.name() == column.name)).collect()
}

/// Fills rows of a column that the file does not have.
pub(super) fn fill_missing(column: &Column, count: usize, to: &mut ColumnBuffer) -> Result<(), ParquetError> {
    if !column.nullable {
        return Err(ParquetError::General(format!("there is no column {}", column.name)));
    }
    for _ in 0..count {
        match column.kind {
            ColumnKind::Bool | ColumnKind::Int | ColumnKind::Time => to.push_int(None),
            ColumnKind::Text => to.push_text(None),
            ColumnKind::Bytes => to.push_bytes(None),
        };
    }
    Ok(())
}

/// Reads the next `count` rows of a column.
pub(super) fn read_column(from: &mut ColumnReader, count: usize, to: &mut ColumnBuffer) -> Result<(), ParquetError> {
    let wrong = || Err(ParquetError::General("a column is of another type than its table's".into()));
    match (from, to.kind()) {
        (ColumnReader::BoolColumnReader(reader), ColumnKind::Bool) => {
            let read = |count, levels: &mut Vec<i16>, values: &mut Vec<bool>| {
                reader.read_records(count, Some(levels), None, values).map(|(records, ..)| records)
            };
            copy(count, to, read, |to, value| {
                to.push_int(value.copied().map(i64::from));
                Ok(())
            })
        }
        (ColumnReader::Int64ColumnReader(reader), ColumnKind::Int | ColumnKind::Time) => {
            let read = |count, levels: &mut Vec<i16>, values: &mut Vec<i64>| {
                reader.read_records(count, Some(levels), None, values).map(|(records, ..)| records)
            };
            copy(count, to, read, |to, value| {
                to.push_int(value.copied());
                Ok(())
            })
        }
        (ColumnReader::ByteArrayColumnReader(reader), kind @ (ColumnKind::Text | ColumnKind::Bytes)) => {
            let read = |count, levels: &mut Vec<i16>, values: &mut Vec<ByteArray>| {
                reader.read_records(count, Some(levels), None, values).map(|(records, ..)| records)
            };
            copy(count, to, read, |to, value| {
                match kind {
                    ColumnKind::Text => to.push_text(value.map(ByteArray::as_utf8).transpose()?),
                    _ => to.push_bytes(value.map(ByteArray::data)),
                };
                Ok(())
            })
        }
        _ => wrong(),
    }
}

/// Copies `count` values, or their absence, from a column reader.
fn copy<T>(
    count: usize,
    to: &mut ColumnBuffer,
    mut read: impl FnMut(usize, &mut Vec<i16>, &mut Vec<T>) -> Result<usize, ParquetError>,
    mut push: impl FnMut(&mut ColumnBuffer, Option<&T>) -> Result<(), ParquetError>,
) -> Result<(), ParquetError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut left = count;
    while left > 0 {
        levels.clear();
        values.clear();
        let records = read(left.min(STEP_ROWS), &mut levels, &mut values)?;
        if records == 0 {
            return Err(ParquetError::EOF(format!("a column ends {left} values before its row group")));
        }
        left -= records;
        let mut found = values.iter();
        for at in 0..records {
            // A column that is not nullable has no levels.
            let value = if to.is_nullable() && levels.get(at) == Some(&0) { None } else { found.next() };
            if value.is_none() && !to.is_nullable() {
                return Err(ParquetError::General("a value is missing".into()));
            }
            push(to, value)?;
        }
    }
    Ok(())
}
