//! Writes rows as a Parquet file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use super::buffer::ColumnBuffer;
use super::column::{Column, ColumnKind};
use super::error::ArchiveError;
use super::place::{create, fresh_path};
use super::rows::{RowKey, TableBuffer};
use super::table::Table;
use super::tables::SCHEMA_VERSION;

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// A page of payloads or long texts: what has to be inflated to read one of them.
const PAGE_BYTES: usize = 1 << 20;

/// How many rows are handed over at once at most. Pages end only between two such steps.
const STEP_ROWS: usize = 1024;

/// The share of sessions that a Bloom filter takes for ones it has.
const BLOOM_FALSE_RATE: f64 = 0.01;

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
    /// Begins a file of this path, of a table, whose row groups have up to `group_rows` rows.
    ///
    /// # Errors
    /// Failures to write.
    pub fn begin(table: Table, group_rows: usize, meta: &FileMeta, path: &Path) -> Result<Self, ArchiveError> {
        let failed = || ArchiveError::parquet(path, "write the file");
        let fresh = Fresh(fresh_path(path));
        let file = HashingFile { file: create(&fresh.0)?, hasher: blake3::Hasher::new(), bytes: 0 };
        let properties = Arc::new(properties(table, meta, group_rows).map_err(failed())?);
        let schema = schema(table).map_err(failed())?;
        let writer = SerializedFileWriter::new(file, schema, properties).map_err(failed())?;
        let path = path.to_owned();
        Ok(Self { path, fresh, writer, rows: 0, inflated_bytes: 0, largest_row: 0, keys: None, received_us: None })
    }

    /// Writes some of these rows, in this order, as a row group. None of them belongs before those that were written.
    ///
    /// # Errors
    /// Failures to write.
    pub fn group(&mut self, rows: &TableBuffer, order: &[u32]) -> Result<(), ArchiveError> {
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else { return Ok(()) };
        write_group(&mut self.writer, rows, order).map_err(ArchiveError::parquet(&self.path, "write the file"))?;
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
pub fn write_file(rows: &TableBuffer, group_bytes: u64, meta: &FileMeta, path: &Path) -> Result<Written, ArchiveError> {
    let order = rows.sorted();
    let groups = groups(rows, &order, group_bytes);
    let group_rows = groups.iter().map(|group| group.len()).max().unwrap_or_default();
    let mut file = FileWriter::begin(rows.table(), group_rows, meta, path)?;
    groups.into_iter().try_for_each(|group| file.group(rows, group))?;
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
    rows: &TableBuffer,
    group: &[u32],
) -> Result<(), ParquetError> {
    let mut group_writer = writer.next_row_group()?;
    for column in rows.columns() {
        let Some(mut to) = group_writer.next_column()? else {
            return Err(ParquetError::General("the schema has fewer columns than the table".into()));
        };
        let mut rest = group;
        while !rest.is_empty() {
            let (step, after) = rest.split_at(step_rows(column, rest));
            write_step(&mut to, column, step)?;
            rest = after;
        }
        to.close()?;
    }
    group_writer.close()?;
    Ok(())
}

/// How many of these rows are handed over at once: as many as a page should have.
fn step_rows(column: &ColumnBuffer, rows: &[u32]) -> usize {
    let rows = &rows[..rows.len().min(STEP_ROWS)];
    if !matches!(column.kind(), ColumnKind::Text | ColumnKind::Bytes) {
        return rows.len();
    }
    let mut bytes = 0;
    let full = |&row: &u32| {
        bytes += column.bytes(row as usize).len();
        bytes >= PAGE_BYTES
    };
    rows.iter().position(full).map_or(rows.len(), |last| last + 1)
}

fn write_step(to: &mut SerializedColumnWriter<'_>, column: &ColumnBuffer, rows: &[u32]) -> Result<(), ParquetError> {
    let levels: Option<Vec<i16>> =
        column.is_nullable().then(|| rows.iter().map(|&row| i16::from(column.has(row as usize))).collect());
    let levels = levels.as_deref();
    let rows = rows.iter().map(|&row| row as usize);
    if matches!(column.kind(), ColumnKind::Text | ColumnKind::Bytes) {
        let values: Vec<ByteArray> = column.shared(rows).into_iter().map(ByteArray::from).collect();
        return to.typed::<ByteArrayType>().write_batch(&values, levels, None).map(drop);
    }
    let values: Vec<i64> = rows.filter_map(|row| column.optional_int(row)).collect();
    if column.kind() == ColumnKind::Bool {
        let values: Vec<bool> = values.into_iter().map(|value| value != 0).collect();
        to.typed::<BoolType>().write_batch(&values, levels, None)?;
    } else {
        to.typed::<Int64Type>().write_batch(&values, levels, None)?;
    }
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

fn properties(table: Table, meta: &FileMeta, group_rows: usize) -> Result<WriterProperties, ParquetError> {
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
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("takeup version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_write_batch_size(STEP_ROWS)
        .set_key_value_metadata(Some(about))
        .set_sorting_columns(Some(sorting))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None);
    for column in table.columns {
        let path = || ColumnPath::from(column.name);
        if column.dictionary {
            properties = properties.set_column_dictionary_enabled(path(), true);
        }
        if column.statistics {
            properties = properties.set_column_statistics_enabled(path(), EnabledStatistics::Page);
        }
        if column.bloom {
            properties = properties.set_column_bloom_filter_enabled(path(), true);
            properties = properties.set_column_bloom_filter_fpp(path(), BLOOM_FALSE_RATE);
            properties = properties.set_column_bloom_filter_max_ndv(path(), group_rows.max(1) as u64);
        }
    }
    Ok(properties.build())
}

/// A file whose bytes are hashed as they are written.
struct HashingFile {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
