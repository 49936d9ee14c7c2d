//! The rows of a table in memory, until they are written.

use std::ops::Range;

use super::buffer::ColumnBuffer;
use super::column::ColumnKind;
use super::row::{Row, RowSink};
use super::table::Table;

/// What a row takes besides its values.
const ROW_BYTES: u64 = 64;

/// By what rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// The project.
    pub project: i64,
    /// The session.
    pub session: i64,
    /// When it was received, in microseconds.
    pub received_us: i64,
}

/// The rows of one table.
#[derive(Debug)]
pub struct TableBuffer {
    table: Table,
    columns: Vec<ColumnBuffer>,
    /// What each row takes in memory.
    row_bytes: Vec<u64>,
    bytes: u64,
}

impl TableBuffer {
    /// No rows.
    pub fn new(table: Table) -> Self {
        let columns = table.columns.iter().map(ColumnBuffer::new).collect();
        Self { table, columns, row_bytes: Vec::new(), bytes: 0 }
    }

    /// Adds a row. Returns what it takes in memory.
    ///
    /// # Panics
    /// If the row is of another table, or wrong: see [`RowSink`].
    pub fn push<R: Row>(&mut self, row: &R) -> u64 {
        assert_eq!(R::TABLE, self.table, "a row of this table");
        let mut sink = RowSink::new(&mut self.columns);
        row.put(&mut sink);
        let bytes = ROW_BYTES + sink.finish();
        self.row_bytes.push(bytes);
        self.bytes += bytes;
        bytes
    }

    /// Adds rows whose values `fill` pushes into each column, which it is given with its place.
    ///
    /// # Errors
    /// Those of `fill`; the rows are then unusable.
    pub(super) fn append<E>(
        &mut self,
        rows: usize,
        mut fill: impl FnMut(usize, &mut ColumnBuffer) -> Result<(), E>,
    ) -> Result<(), E> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            fill(at, column)?;
        }
        for row in self.rows()..self.rows() + rows {
            let bytes = ROW_BYTES + self.columns.iter().map(|column| column.value_bytes(row)).sum::<u64>();
            self.row_bytes.push(bytes);
            self.bytes += bytes;
        }
        Ok(())
    }

    /// These rows without those that `goes` names.
    #[must_use]
    pub(super) fn without(&self, mut goes: impl FnMut(usize) -> bool) -> Self {
        let mut kept = Self::new(self.table);
        (0..self.rows()).filter(|&row| !goes(row)).for_each(|row| kept.push_row_of(self, row));
        kept
    }

    /// The sum of all rows' hashes: equal for the same rows in any order.
    pub(super) fn hash_of_all(&self) -> u128 {
        let hash = |row: usize| {
            let mut hasher = blake3::Hasher::new();
            for column in &self.columns {
                hasher.update(&[u8::from(column.has(row))]);
                if matches!(column.kind(), ColumnKind::Text | ColumnKind::Bytes) {
                    let bytes = column.bytes(row);
                    hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
                } else {
                    hasher.update(&column.int(row).to_le_bytes());
                }
            }
            let mut half = [0; 16];
            half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
            u128::from_le_bytes(half)
        };
        (0..self.rows()).map(hash).fold(0, u128::wrapping_add)
    }

    /// Adds a row of other rows of this table.
    pub(super) fn push_row_of(&mut self, other: &Self, row: usize) {
        for (to, from) in self.columns.iter_mut().zip(&other.columns) {
            to.push_from(from, row);
        }
        self.row_bytes.push(other.row_bytes[row]);
        self.bytes += other.row_bytes[row];
    }

    /// The table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.row_bytes.len()
    }

    /// What they take in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What a row takes in memory.
    pub fn row_bytes(&self, row: usize) -> u64 {
        self.row_bytes[row]
    }

    /// Its columns.
    pub fn columns(&self) -> &[ColumnBuffer] {
        &self.columns
    }

    /// The key of a row.
    #[inline]
    pub fn key(&self, row: usize) -> RowKey {
        let [project, session, received] = &self.columns[..3] else { unreachable!("every table has its key columns") };
        RowKey { project: project.int(row), session: session.int(row), received_us: received.int(row) }
    }

    /// All rows, sorted by key; those with equal keys as they were added.
    pub fn sorted(&self) -> Vec<u32> {
        // The events of a batch have one key and follow each other, so there are far fewer runs than rows.
        let mut runs: Vec<(RowKey, Range<u32>)> = Vec::new();
        for row in 0..u32::try_from(self.rows()).unwrap_or(u32::MAX) {
            let key = self.key(row as usize);
            match runs.last_mut() {
                Some((last, rows)) if *last == key => rows.end += 1,
                _ => runs.push((key, row..row + 1)),
            }
        }
        runs.sort_unstable_by_key(|(key, rows)| (*key, rows.start));
        runs.into_iter().flat_map(|(_, rows)| rows).collect()
    }
}

#[cfg(test)]
mod tests;
