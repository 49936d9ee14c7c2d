//! A row on its way.

use super::table::RowTable;
use super::value::Value;

/// A row: a value for each of its table's columns, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    /// The table.
    pub table: RowTable,
    /// The values, as many as [`RowTable::columns`] has.
    pub values: Box<[Value]>,
}

impl Row {
    /// The bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        let text = |value: &Value| match value {
            Value::Text(text) => text.len(),
            _ => 0,
        };
        size_of::<Self>() + size_of_val(&*self.values) + self.values.iter().map(text).sum::<usize>()
    }
}
