//! Writes rows as a Parquet file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::column::{Column, ColumnKind};
use super::encode::ColumnEncoder;
use super::error::ArchiveError;
use super::place::{create, fresh_path};
use super::rows::{RowKey, TableBuffer};
use super::table::Table;
use super::tables::SCHEMA_VERSION;

/// About how much is written and hashed at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Names of metadata in each file.
pub const META_TABLE: &str = "takeup.table";
/// The version of the columns.
pub const META_SCHEMA: &str = "takeup.schema";
/// The log.
pub const META_LOG: &str = "takeup.log";
/// Where the range of the log begins.
pub const META_FROM: &str = "takeup.from";
/// Where it ends.
pub const META_TO: &str = "takeup.to";

/// What a file says about itself.
#[derive(Debug, Clone)]
pub struct FileMeta {
    /// The log.
    pub log: String,
    /// Where the range of the log begins, as JSON.
    pub from: String,
    /// Where it ends, as JSON.
    pub to: String,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// What its rows take in memory.
    pub inflated_bytes: u64,
    /// What the largest row takes of that.
    pub largest_row: u64,
    /// BLAKE3 of the file.
    pub blake3: String,
    /// The key of the first row, and of the last.
    pub keys: (RowKey, RowKey),
    /// The first and the last time of reception.
    pub received_us: (i64, i64),
}

/// A file that is being written: row group by row group, under another name until it is whole. What is not finished is removed.
pub struct FileWriter {
    path: PathBuf,
    fresh: Fresh,
    writer: SerializedFileWriter<HashingFile>,
    rows: u64,
    inflated_bytes: u64,
    largest_row: u64,
    keys: Option<(RowKey, RowKey)>,
    received_us: Option<(i64, i64)>,
}

/// A file's name until it is whole. The file is removed unless it was renamed.
struct Fresh(PathBuf);

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl FileWriter {
    /// Begins a file of this path, of a table.
    ///
    /// # Errors
    /// Failures to write.
    pub fn begin(table: Table, meta: &FileMeta, path: &Path) -> Result<Self, ArchiveError> {
        let failed = || ArchiveError::parquet(path, "write the file");
        let fresh = Fresh(fresh_path(path));
        let file = HashingFile::new(create(&fresh.0)?);
        let properties = Arc::new(properties(table, meta));
        let schema = schema(table).map_err(failed())?;
        let writer = SerializedFileWriter::new(file, schema, properties).map_err(failed())?;
        let path = path.to_owned();
        Ok(Self { path, fresh, writer, rows: 0, inflated_bytes: 0, largest_row: 0, keys: None, received_us: None })
    }

    /// Writes some of these rows, in this order, as a row group. None of them belongs before those that were written.
    ///
    /// # Errors
    /// Failures to write.
    pub(super) fn group(
        &mut self,
        encoder: &mut ColumnEncoder,
        rows: &TableBuffer,
        order: &[u32],
    ) -> Result<(), ArchiveError> {
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else { return Ok(()) };
        write_group(&mut self.writer, encoder, rows, order)
            .map_err(ArchiveError::parquet(&self.path, "write the file"))?;
        let (first, last) = (rows.key(first as usize), rows.key(last as usize));
        self.keys = Some((self.keys.map_or(first, |(first, _)| first), last));
        for &row in order {
            let us = rows.key(row as usize).received_us;
            let (from, until) = self.received_us.get_or_insert((us, us));
            (*from, *until) = (us.min(*from), us.max(*until));
            let bytes = rows.row_bytes(row as usize);
            self.inflated_bytes += bytes;
            self.largest_row = self.largest_row.max(bytes);
        }
        self.rows += order.len() as u64;
        Ok(())
    }

    /// What its rows take in memory.
    pub fn inflated_bytes(&self) -> u64 {
        self.inflated_bytes
    }

    /// Completes and syncs the file. It appears as a whole; its name is durable once its folder is synced.
    ///
    /// # Errors
    /// Failures to write; then nothing of the file is left, as far as that can be done.
    pub fn finish(mut self) -> Result<Written, ArchiveError> {
        let failed = || ArchiveError::parquet(&self.path, "write the file");
        self.writer.finish().map_err(failed())?;
        let sink = self.writer.inner_mut();
        sink.flush().and_then(|()| sink.file.sync_all()).map_err(ArchiveError::io(&self.path, "sync the file"))?;
        fs::rename(&self.fresh.0, &self.path).map_err(ArchiveError::io(&self.path, "rename the file"))?;
        let none = RowKey { project: 0, session: 0, received_us: 0 };
        Ok(Written {
            rows: self.rows,
            bytes: sink.bytes,
            inflated_bytes: self.inflated_bytes,
            largest_row: self.largest_row,
            blake3: sink.hasher.finalize().to_hex().to_string(),
            keys: self.keys.unwrap_or((none, none)),
            received_us: self.received_us.unwrap_or_default(),
        })
    }
}

/// Writes all rows, sorted, in row groups of `group_bytes` in memory, to a file of this path, and syncs it. It appears as a whole. Its name
/// is durable once its folder is synced. `rows` must not be empty.
///
/// # Errors
/// Failures to write; then nothing of the file is left, as far as that can be done.
pub(super) fn write_file(
    encoder: &mut ColumnEncoder,
    rows: &TableBuffer,
    group_bytes: u64,
    meta: &FileMeta,
    path: &Path,
) -> Result<Written, ArchiveError> {
    let order = rows.sorted();
    let mut file = FileWriter::begin(rows.table(), meta, path)?;
    groups(rows, &order, group_bytes).into_iter().try_for_each(|group| file.group(encoder, rows, group))?;
    file.finish()
}

/// Cuts sorted rows into row groups. One row may be larger than a group.
fn groups<'a>(rows: &TableBuffer, order: &'a [u32], group_bytes: u64) -> Vec<&'a [u32]> {
    let mut groups = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (at, &row) in order.iter().enumerate() {
        let row_bytes = rows.row_bytes(row as usize);
        if at > begin && bytes + row_bytes > group_bytes {
            groups.push(&order[begin..at]);
            (begin, bytes) = (at, 0);
        }
        bytes += row_bytes;
    }
    if begin < order.len() {
        groups.push(&order[begin..]);
    }
    groups
}

fn write_group(
    writer: &mut SerializedFileWriter<HashingFile>,
    encoder: &mut ColumnEncoder,
    rows: &TableBuffer,
    group: &[u32],
) -> Result<(), ParquetError> {
    let described = writer.schema_descr().columns().to_vec();
    let mut group_writer = writer.next_row_group()?;
    for ((column, described), buffer) in rows.table().columns.iter().zip(described).zip(rows.columns()) {
        encoder.append(&mut group_writer, (column, described), buffer, group)?;
    }
    group_writer.close()?;
    Ok(())
}

/// A table's schema.
fn schema(table: Table) -> Result<Arc<Type>, ParquetError> {
    let fields = table.columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder(table.name).with_fields(fields).build().map(Arc::new)
}

fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column.kind {
        ColumnKind::Bool => (PhysicalType::BOOLEAN, None),
        ColumnKind::Int => (PhysicalType::INT64, None),
        ColumnKind::Time => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        ColumnKind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnKind::Bytes => (PhysicalType::BYTE_ARRAY, None),
    };
    let repetition = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let field = Type::primitive_type_builder(column.name, physical);
    field.with_repetition(repetition).with_logical_type(logical).build().map(Arc::new)
}

fn properties(table: Table, meta: &FileMeta) -> WriterProperties {
    let pair = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    let about = vec![
        pair(META_TABLE, table.name),
        pair(META_SCHEMA, &SCHEMA_VERSION.to_string()),
        pair(META_LOG, &meta.log),
        pair(META_FROM, &meta.from),
        pair(META_TO, &meta.to),
    ];
    let sorting =
        (0..3).map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: false }).collect();
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("takeup version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(about))
        .set_sorting_columns(Some(sorting));
    properties.build()
}

/// A file whose bytes are hashed as they are written: many at once, which is several times as fast as a few.
struct HashingFile {
    file: File,
    hasher: blake3::Hasher,
    /// What was not written yet.
    buffer: Vec<u8>,
    bytes: u64,
}

impl HashingFile {
    fn new(file: File) -> Self {
        Self { file, hasher: blake3::Hasher::new(), buffer: Vec::new(), bytes: 0 }
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.hasher.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.write_buffer()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_buffer()?;
        self.file.flush()
    }
}
