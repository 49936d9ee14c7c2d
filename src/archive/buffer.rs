//! The values of a column in memory, until they are written.

use bytes::Bytes;

use super::column::{Column, ColumnKind};

/// What a value takes besides its bytes.
const VALUE_BYTES: u64 = 8;

/// The values of one column.
#[derive(Debug)]
pub struct ColumnBuffer {
    kind: ColumnKind,
    values: Values,
    /// Which rows have a value; unused where the column is not nullable.
    present: Option<Vec<bool>>,
    memory_bytes: u64,
}

/// The values. A row without one has a zero or an empty text here.
#[derive(Debug)]
enum Values {
    Ints(Vec<i64>),
    /// All texts one behind the other, and where each ends.
    Texts {
        ends: Vec<usize>,
        all: String,
    },
    /// Each by itself: they are large, and one vector of all would be copied each time it grows.
    Bytes(Vec<Bytes>),
}

impl ColumnBuffer {
    pub(super) fn new(column: &Column) -> Self {
        let values = match column.kind {
            ColumnKind::Bool | ColumnKind::Int | ColumnKind::Time => Values::Ints(Vec::new()),
            ColumnKind::Text => Values::Texts { ends: Vec::new(), all: String::new() },
            ColumnKind::Bytes => Values::Bytes(Vec::new()),
        };
        Self { kind: column.kind, values, present: column.nullable.then(Vec::new), memory_bytes: 0 }
    }

    /// What it holds.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// What its values take in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// What a row's value takes in memory.
    pub(super) fn value_bytes(&self, row: usize) -> u64 {
        match &self.values {
            Values::Ints(_) => VALUE_BYTES,
            Values::Texts { .. } | Values::Bytes(_) => VALUE_BYTES + self.bytes(row).len() as u64,
        }
    }

    /// Whether rows may have no value.
    pub fn is_nullable(&self) -> bool {
        self.present.is_some()
    }

    /// Whether a row has a value.
    pub fn has(&self, row: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present[row])
    }

    /// A row's number, time or flag; 0 if it has none.
    pub fn int(&self, row: usize) -> i64 {
        match &self.values {
            Values::Ints(values) => values[row],
            Values::Texts { .. } | Values::Bytes(_) => unreachable!("the kind of a column is known"),
        }
    }

    /// A row's text or bytes; empty if it has none.
    pub fn bytes(&self, row: usize) -> &[u8] {
        match &self.values {
            Values::Texts { ends, all } => {
                let from = row.checked_sub(1).map_or(0, |before| ends[before]);
                &all.as_bytes()[from..ends[row]]
            }
            Values::Bytes(values) => &values[row],
            Values::Ints(_) => unreachable!("the kind of a column is known"),
        }
    }

    pub(super) fn push_int(&mut self, value: Option<i64>) {
        self.note(value.is_some(), 0);
        match &mut self.values {
            Values::Ints(values) => values.push(value.unwrap_or_default()),
            Values::Texts { .. } | Values::Bytes(_) => panic!("a number in a column of texts or bytes"),
        }
    }

    pub(super) fn push_text(&mut self, value: Option<&str>) {
        let text = value.unwrap_or_default();
        self.note(value.is_some(), text.len());
        match &mut self.values {
            Values::Texts { ends, all } => {
                all.push_str(text);
                ends.push(all.len());
            }
            Values::Ints(_) | Values::Bytes(_) => panic!("a text in a column of another kind"),
        }
    }

    pub(super) fn push_bytes(&mut self, value: Option<&[u8]>) {
        let bytes = value.unwrap_or_default();
        self.note(value.is_some(), bytes.len());
        match &mut self.values {
            Values::Bytes(values) => values.push(Bytes::copy_from_slice(bytes)),
            Values::Ints(_) | Values::Texts { .. } => panic!("bytes in a column of another kind"),
        }
    }

    /// Adds the value of a row of another buffer of the same column, if it has one.
    pub(super) fn push_from(&mut self, other: &Self, row: usize) {
        let has = other.has(row);
        match &other.values {
            Values::Ints(values) => self.push_int(has.then(|| values[row])),
            Values::Texts { ends, all } => {
                let from = row.checked_sub(1).map_or(0, |before| ends[before]);
                self.push_text(has.then(|| &all[from..ends[row]]));
            }
            Values::Bytes(values) => {
                self.note(has, values[row].len());
                match &mut self.values {
                    // Shared, not copied: a payload can have many megabytes.
                    Values::Bytes(own) => own.push(values[row].clone()),
                    Values::Ints(_) | Values::Texts { .. } => panic!("bytes in a column of another kind"),
                }
            }
        }
    }

    fn note(&mut self, has_value: bool, bytes: usize) {
        self.memory_bytes += VALUE_BYTES + bytes as u64;
        match &mut self.present {
            Some(present) => present.push(has_value),
            None => assert!(has_value, "a column that is not nullable has a value in each row"),
        }
    }
}
