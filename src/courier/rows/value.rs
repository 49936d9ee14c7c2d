//! A value of a column.

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
