//! Reads the rows of a file one after the other, with a few pages of it in memory.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::error::ArchiveError;
use super::read_file::{fill_missing, places, read_column};
use super::rows::{RowKey, TableBuffer};
use super::table::Table;

/// About how many bytes of rows are read at once.
const STEP_BYTES: u64 = 512 << 10;

/// How many rows are read at once at most.
const STEP_ROWS: u64 = 1024;

/// The rows of a file, at one of them.
pub struct FileRows {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    table: Table,
    /// Where each column is in the file.
    places: Vec<Option<usize>>,
    next_group: usize,
    /// The row group that is being read.
    columns: Vec<Option<ColumnReader>>,
    left: u64,
    step: u64,
    /// The rows that were read, and which of them it is at.
    rows: TableBuffer,
    at: usize,
}

impl FileRows {
    /// Opens a file of a table at its first row. Before that, the file is checked against this hash, BLAKE3 as hexadecimal digits.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] if it has another hash; it is no file of the table, or can't be read.
    pub fn open(path: &Path, table: Table, blake3: &str) -> Result<Self, ArchiveError> {
        let io = || ArchiveError::io(path, "read the file");
        let failed = || ArchiveError::parquet(path, "read the file");
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ArchiveError::Missing { path: path.to_owned() });
            }
            opened => opened.map_err(io())?,
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file).map_err(io())?;
        if hasher.finalize().to_hex().as_str() != blake3 {
            return Err(ArchiveError::Damaged { path: path.to_owned() });
        }
        let reader = SerializedFileReader::new(file).map_err(failed())?;
        let mut rows = Self {
            path: path.to_owned(),
            places: places(reader.metadata().file_metadata().schema_descr(), table.columns),
            reader,
            table,
            next_group: 0,
            columns: Vec::new(),
            left: 0,
            step: 0,
            rows: TableBuffer::new(table),
            at: 0,
        };
        rows.fill().map_err(failed())?;
        Ok(rows)
    }

    /// The key of the row; `None` behind the last.
    pub fn key(&self) -> Option<RowKey> {
        (self.at < self.rows.rows()).then(|| self.rows.key(self.at))
    }

    /// The row: some rows, and its place among them. There is none where [`key`](Self::key) is `None`.
    pub fn row(&self) -> (&TableBuffer, usize) {
        (&self.rows, self.at)
    }

    /// Goes to the next row.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn advance(&mut self) -> Result<(), ArchiveError> {
        self.at += 1;
        if self.at < self.rows.rows() {
            return Ok(());
        }
        self.fill().map_err(ArchiveError::parquet(&self.path, "read the file"))
    }

    /// Reads the next rows; none behind the last.
    fn fill(&mut self) -> Result<(), ParquetError> {
        (self.rows, self.at) = (TableBuffer::new(self.table), 0);
        while self.left == 0 {
            if self.next_group == self.reader.num_row_groups() {
                return Ok(());
            }
            self.begin_group()?;
        }
        let count = self.left.min(self.step);
        self.left -= count;
        let (known, columns, count) = (self.table.columns, &mut self.columns, count as usize);
        self.rows.append(count, |at, to| match &mut columns[at] {
            Some(from) => read_column(from, count, to),
            None => fill_missing(&known[at], count, to),
        })
    }

    fn begin_group(&mut self) -> Result<(), ParquetError> {
        let group = self.reader.get_row_group(self.next_group)?;
        self.next_group += 1;
        let about = group.metadata();
        let (rows, bytes) = (about.num_rows().unsigned_abs(), about.total_byte_size().unsigned_abs());
        // A row group is small, or has one row: so is what is read at once, even if its rows differ much.
        self.step = (STEP_BYTES.saturating_mul(rows) / bytes.max(1)).clamp(1, STEP_ROWS);
        self.left = rows;
        let reader = |place: &Option<usize>| place.map(|place| group.get_column_reader(place)).transpose();
        self.columns = self.places.iter().map(reader).collect::<Result<_, _>>()?;
        Ok(())
    }
}
