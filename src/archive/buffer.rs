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
}

/// The values. A row without one has a zero or an empty text here.
#[derive(Debug)]
enum Values {
    Ints(Vec<i64>),
    /// Texts, and where each row's begins and ends. Rows in a row with the same text share it, as the events of a page do.
    Texts {
        places: Vec<(usize, usize)>,
        all: String,
    },
    /// Each by itself: they are large, and one vector of all would be copied each time it grows.
    Bytes(Vec<Bytes>),
}

impl ColumnBuffer {
    pub(super) fn new(column: &Column) -> Self {
        let values = match column.kind {
            ColumnKind::Bool | ColumnKind::Int | ColumnKind::Time => Values::Ints(Vec::new()),
            ColumnKind::Text => Values::Texts { places: Vec::new(), all: String::new() },
            ColumnKind::Bytes => Values::Bytes(Vec::new()),
        };
        Self { kind: column.kind, values, present: column.nullable.then(Vec::new) }
    }

    /// What it holds.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// What a row's value counts as: as much as if no row shared its text with another, because readers do not share them.
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
        self.ints()[row]
    }

    /// The numbers, times or flags of all rows.
    pub(super) fn ints(&self) -> &[i64] {
        match &self.values {
            Values::Ints(values) => values,
            Values::Texts { .. } | Values::Bytes(_) => unreachable!("the kind of a column is known"),
        }
    }

    /// A row's text or bytes; empty if it has none.
    pub fn bytes(&self, row: usize) -> &[u8] {
        match &self.values {
            Values::Texts { places, all } => {
                let (from, to) = places[row];
                &all.as_bytes()[from..to]
            }
            Values::Bytes(values) => &values[row],
            Values::Ints(_) => unreachable!("the kind of a column is known"),
        }
    }

    /// Rows' texts or bytes, in this order, each with as few copies as possible.
    pub(super) fn shared(&self, rows: impl Iterator<Item = usize> + Clone) -> Vec<Bytes> {
        match &self.values {
            Values::Bytes(values) => rows.map(|row| values[row].clone()).collect(),
            Values::Texts { places, all } => {
                let is_new = |last: &mut Option<(usize, usize)>, place| last.replace(place) != Some(place);
                let mut last = None;
                let new = rows.clone().map(|row| places[row]).filter(|&place| is_new(&mut last, place));
                let mut copied = Vec::new();
                new.for_each(|(from, to)| copied.extend_from_slice(&all.as_bytes()[from..to]));
                let copied = Bytes::from(copied);
                let (mut last, mut at, mut current) = (None, 0, Bytes::new());
                let next = |row: usize| {
                    let (from, to) = places[row];
                    if is_new(&mut last, (from, to)) {
                        current = copied.slice(at..at + (to - from));
                        at += to - from;
                    }
                    current.clone()
                };
                rows.map(next).collect()
            }
            Values::Ints(_) => unreachable!("the kind of a column is known"),
        }
    }

    /// Adds a value. Returns what it counts as, as the two after it do.
    pub(super) fn push_int(&mut self, value: Option<i64>) -> u64 {
        self.note(value.is_some());
        match &mut self.values {
            Values::Ints(values) => values.push(value.unwrap_or_default()),
            Values::Texts { .. } | Values::Bytes(_) => panic!("a number in a column of texts or bytes"),
        }
        VALUE_BYTES
    }

    pub(super) fn push_text(&mut self, value: Option<&str>) -> u64 {
        let text = value.unwrap_or_default();
        self.note(value.is_some());
        match &mut self.values {
            Values::Texts { places, all } => {
                let place = match places.last() {
                    Some(&(from, to)) if &all.as_bytes()[from..to] == text.as_bytes() => (from, to),
                    _ => {
                        all.push_str(text);
                        (all.len() - text.len(), all.len())
                    }
                };
                places.push(place);
            }
            Values::Ints(_) | Values::Bytes(_) => panic!("a text in a column of another kind"),
        }
        VALUE_BYTES + text.len() as u64
    }

    pub(super) fn push_bytes(&mut self, value: Option<&[u8]>) -> u64 {
        let bytes = value.unwrap_or_default();
        self.note(value.is_some());
        match &mut self.values {
            Values::Bytes(values) => values.push(Bytes::copy_from_slice(bytes)),
            Values::Ints(_) | Values::Texts { .. } => panic!("bytes in a column of another kind"),
        }
        VALUE_BYTES + bytes.len() as u64
    }

    /// Adds the value of a row of another buffer of the same column, if it has one.
    pub(super) fn push_from(&mut self, other: &Self, row: usize) {
        let has = other.has(row);
        match &other.values {
            Values::Ints(values) => {
                self.push_int(has.then(|| values[row]));
            }
            Values::Texts { places, all } => {
                let (from, to) = places[row];
                self.push_text(has.then(|| &all[from..to]));
            }
            Values::Bytes(values) => {
                self.note(has);
                match &mut self.values {
                    // Shared, not copied: a payload can have many megabytes.
                    Values::Bytes(own) => own.push(values[row].clone()),
                    Values::Ints(_) | Values::Texts { .. } => panic!("bytes in a column of another kind"),
                }
            }
        }
    }

    fn note(&mut self, has_value: bool) {
        match &mut self.present {
            Some(present) => present.push(has_value),
            None => assert!(has_value, "a column that is not nullable has a value in each row"),
        }
    }
}

#[cfg(test)]
mod tests;
