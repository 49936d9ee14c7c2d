//! Reads single columns of a row group.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::RowGroupReader;

/// How many values are read at once.
const STEP_ROWS: usize = 1024;

/// A row group, of which columns are read by name.
pub(super) struct Columns<'a> {
    group: &'a dyn RowGroupReader,
    rows: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(group: &'a dyn RowGroupReader) -> Result<Self, ParquetError> {
        let rows = usize::try_from(group.metadata().num_rows());
        let rows = rows.map_err(|_| ParquetError::General("a row group says that it has fewer than no rows".into()))?;
        Ok(Self { group, rows })
    }

    /// How many rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// A column of numbers or times: a value for each row.
    pub(super) fn ints(&self, name: &str) -> Result<Vec<i64>, ParquetError> {
        let values = self.optional_ints(name)?;
        values.into_iter().map(|value| value.ok_or_else(|| missing(name))).collect()
    }

    /// A column of numbers or times in which rows may have no value.
    pub(super) fn optional_ints(&self, name: &str) -> Result<Vec<Option<i64>>, ParquetError> {
        let ColumnReader::Int64ColumnReader(mut reader) = self.reader(name)? else { return Err(wrong_type(name)) };
        self.all(name, |count, levels, values| {
            reader.read_records(count, Some(levels), None, values).map(|(records, ..)| records)
        })
    }

    /// A column of texts or bytes, without copies: the values share the memory of their pages.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<Option<Bytes>>, ParquetError> {
        let ColumnReader::ByteArrayColumnReader(mut reader) = self.reader(name)? else { return Err(wrong_type(name)) };
        let values: Vec<Option<ByteArray>> = self.all(name, |count, levels, values| {
            reader.read_records(count, Some(levels), None, values).map(|(records, ..)| records)
        })?;
        Ok(values.into_iter().map(|value| value.map(Bytes::from_owner)).collect())
    }

    /// A column of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<Option<ByteArray>>, ParquetError> {
        let ColumnReader::ByteArrayColumnReader(mut reader) = self.reader(name)? else { return Err(wrong_type(name)) };
        self.all(name, |count, levels, values| {
            reader.read_records(count, Some(levels), None, values).map(|(records, ..)| records)
        })
    }

    fn reader(&self, name: &str) -> Result<ColumnReader, ParquetError> {
        let columns = self.group.metadata().columns();
        let at = columns.iter().position(|column| column.column_descr().name() == name);
        let at = at.ok_or_else(|| ParquetError::General(format!("there is no column {name}")))?;
        self.group.get_column_reader(at)
    }

    /// All values that `read` gives, at most so many at a time, with their levels.
    fn all<T>(
        &self,
        name: &str,
        mut read: impl FnMut(usize, &mut Vec<i16>, &mut Vec<T>) -> Result<usize, ParquetError>,
    ) -> Result<Vec<Option<T>>, ParquetError> {
        let mut all = Vec::with_capacity(self.rows.min(1 << 20));
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        while all.len() < self.rows {
            levels.clear();
            values.clear();
            let records = read((self.rows - all.len()).min(STEP_ROWS), &mut levels, &mut values)?;
            if records == 0 {
                return Err(ParquetError::EOF(format!("column {name} ends before its row group")));
            }
            let mut found = values.drain(..);
            for at in 0..records {
                // A column that is not nullable has no levels.
                let is_null = levels.get(at) == Some(&0);
                all.push(if is_null { None } else { Some(found.next().ok_or_else(|| missing(name))?) });
            }
        }
        Ok(all)
    }
}

/// A decoder that panics on damaged bytes counts as one that fails.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let panicked = |_| Err(ParquetError::General("the decoder panicked: the bytes are damaged".into()));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(panicked)
}

fn missing(name: &str) -> ParquetError {
    ParquetError::General(format!("a value of column {name} is missing"))
}

fn wrong_type(name: &str) -> ParquetError {
    ParquetError::General(format!("column {name} is of another type than its table's"))
}
