//! Rows, and where their values go.

use super::buffer::ColumnBuffer;
use super::known_text::KnownText;
use super::table::Table;

/// A row of a table.
pub trait Row {
    /// The table, which defines the columns.
    const TABLE: Table;

    /// Puts a value into each column, in the order of the table's columns.
    fn put(&self, to: &mut RowSink<'_>);
}

/// Takes the values of one row, column by column. Each call fills the next column. `None` is allowed in nullable columns only.
///
/// # Panics
/// If a value is not of its column's kind, is missing where the column is not nullable, or has no column left. Only a wrong [`Row`] does that,
/// whatever the data, and a test of each table puts a row with and without every value.
#[derive(Debug)]
pub struct RowSink<'a> {
    columns: &'a mut [ColumnBuffer],
    next: usize,
    /// What the values take in memory.
    bytes: u64,
}

impl<'a> RowSink<'a> {
    pub(super) fn new(columns: &'a mut [ColumnBuffer]) -> Self {
        Self { columns, next: 0, bytes: 0 }
    }

    /// A flag.
    #[inline]
    pub fn bool(&mut self, value: impl Into<Option<bool>>) {
        self.bytes += self.next().push_int(value.into().map(i64::from));
    }

    /// A whole number.
    #[inline]
    pub fn int(&mut self, value: impl Into<Option<i64>>) {
        self.bytes += self.next().push_int(value.into());
    }

    /// An id, or another unsigned number. One beyond `i64::MAX`, which no id and no count is, shows as negative.
    #[inline]
    pub fn id(&mut self, value: impl Into<Option<u64>>) {
        self.bytes += self.next().push_int(value.into().map(u64::cast_signed));
    }

    /// A time in microseconds since the Unix epoch.
    #[inline]
    pub fn time_us(&mut self, value: impl Into<Option<i64>>) {
        self.bytes += self.next().push_int(value.into());
    }

    /// A text.
    #[inline]
    pub fn text<'t>(&mut self, value: impl Into<Option<&'t str>>) {
        self.bytes += self.next().push_text(value.into());
    }

    /// A text that many rows share.
    #[inline]
    pub fn known_text<'t>(&mut self, value: impl Into<Option<KnownText<'t>>>) {
        self.bytes += self.next().push_known_text(value.into());
    }

    /// Bytes.
    #[inline]
    pub fn bytes<'b>(&mut self, value: impl Into<Option<&'b [u8]>>) {
        self.bytes += self.next().push_bytes(value.into());
    }

    #[inline]
    fn next(&mut self) -> &mut ColumnBuffer {
        let column = &mut self.columns[self.next];
        self.next += 1;
        column
    }

    /// Checks that every column has its value. Returns what the values take in memory.
    #[inline]
    pub(super) fn finish(self) -> u64 {
        assert_eq!(self.next, self.columns.len(), "a row has a value for each column");
        self.bytes
    }
}
