//! A row on its way.

use super::table::RowTable;

/// A value of a column, whatever the column's type is in the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Unknown.
    Null,
    /// A number.
    Integer(i64),
    /// A truth value.
    Bool(bool),
    /// A text, a label or a UUID.
    Text(Box<str>),
}

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
