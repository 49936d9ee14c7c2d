//! The values of a column in memory, until they are written.

use bytes::Bytes;

use super::column::{Column, ColumnKind};
use super::known_text::{KnownText, TextId};
use super::presence::Presence;
use super::text_set::TextSet;

/// What a value takes besides its bytes.
const VALUE_BYTES: u64 = 8;

/// The values of one column. A row without a value takes no memory here.
#[derive(Debug)]
pub struct ColumnBuffer {
    kind: ColumnKind,
    rows: usize,
    values: Values,
    /// Which rows have a value; `None` where the column is not nullable: then all have.
    present: Option<Presence>,
}

/// The values of the rows that have one.
#[derive(Debug)]
pub(super) enum Values {
    Ints(Vec<i64>),
    /// Texts of which many rows have the same: each text once, and the number of each row's.
    Repeated {
        numbers: Vec<u32>,
        texts: TextSet,
        /// The id of the last row's text.
        last: Option<TextId>,
    },
    /// Texts that differ, and where each ends. It begins where the one before it ends.
    Texts {
        ends: Vec<usize>,
        all: String,
    },
    /// Each by itself: they are large, and one vector of all would be copied each time it grows.
    Bytes(Vec<Bytes>),
}

impl Values {
    /// Whether no row has a value.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Ints(values) => values.is_empty(),
            Self::Repeated { numbers, .. } => numbers.is_empty(),
            Self::Texts { ends, .. } => ends.is_empty(),
            Self::Bytes(values) => values.is_empty(),
        }
    }

    /// A text or bytes, by its place among the values.
    pub(super) fn bytes(&self, place: usize) -> &[u8] {
        match self {
            Self::Repeated { numbers, texts, .. } => texts.get(numbers[place]).as_bytes(),
            Self::Texts { ends, all } => {
                let from = place.checked_sub(1).map_or(0, |before| ends[before]);
                &all.as_bytes()[from..ends[place]]
            }
            Self::Bytes(values) => &values[place],
            Self::Ints(_) => unreachable!("the kind of a column is known"),
        }
    }
}

impl ColumnBuffer {
    pub(super) fn new(column: &Column) -> Self {
        let values = match column.kind {
            ColumnKind::Bool | ColumnKind::Int | ColumnKind::Time => Values::Ints(Vec::new()),
            ColumnKind::Text if column.dictionary => {
                Values::Repeated { numbers: Vec::new(), texts: TextSet::default(), last: None }
            }
            ColumnKind::Text => Values::Texts { ends: Vec::new(), all: String::new() },
            ColumnKind::Bytes => Values::Bytes(Vec::new()),
        };
        Self { kind: column.kind, rows: 0, values, present: column.nullable.then(Presence::default) }
    }

    /// What it holds.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// The values of the rows that have one.
    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// What a row's value counts as: as much as if no row shared its text with another, because readers do not share them.
    pub(super) fn value_bytes(&self, row: usize) -> u64 {
        match &self.values {
            Values::Ints(_) => VALUE_BYTES,
            Values::Repeated { .. } | Values::Texts { .. } | Values::Bytes(_) => {
                VALUE_BYTES + self.bytes(row).len() as u64
            }
        }
    }

    /// Whether rows may have no value.
    pub fn is_nullable(&self) -> bool {
        self.present.is_some()
    }

    /// Whether a row has a value.
    #[inline]
    pub fn has(&self, row: usize) -> bool {
        self.place(row).is_some()
    }

    /// Where a row's value stands among the values.
    #[inline]
    pub(super) fn place(&self, row: usize) -> Option<usize> {
        match &self.present {
            Some(present) => present.place(row),
            None => Some(row),
        }
    }

    /// A row's number, time or flag; 0 if it has none.
    #[inline]
    pub fn int(&self, row: usize) -> i64 {
        match &self.values {
            Values::Ints(values) => self.place(row).map(|place| values[place]).unwrap_or_default(),
            Values::Repeated { .. } | Values::Texts { .. } | Values::Bytes(_) => {
                unreachable!("the kind of a column is known")
            }
        }
    }

    /// A row's text or bytes; empty if it has none.
    pub fn bytes(&self, row: usize) -> &[u8] {
        self.place(row).map_or(&[], |place| self.values.bytes(place))
    }

    /// Adds a value. Returns what it counts as, as those after it do.
    #[inline]
    pub(super) fn push_int(&mut self, value: Option<i64>) -> u64 {
        match &mut self.values {
            Values::Ints(values) => {
                // A push is inlined, `extend` is not.
                if let Some(value) = value {
                    values.push(value);
                }
            }
            Values::Repeated { .. } | Values::Texts { .. } | Values::Bytes(_) => {
                panic!("a number in a column of texts or bytes")
            }
        }
        self.note(value.is_some());
        VALUE_BYTES
    }

    pub(super) fn push_text(&mut self, value: Option<&str>) -> u64 {
        match (&mut self.values, value) {
            (Values::Repeated { numbers, texts, last }, Some(text)) => {
                *last = None;
                // Many rows have the text of the one before them.
                let number = match numbers.last() {
                    Some(&number) if texts.get(number) == text => number,
                    _ => texts.add(text),
                };
                numbers.push(number);
            }
            (Values::Texts { ends, all }, Some(text)) => {
                all.push_str(text);
                ends.push(all.len());
            }
            (Values::Repeated { .. } | Values::Texts { .. }, None) => {}
            (Values::Ints(_) | Values::Bytes(_), _) => panic!("a text in a column of another kind"),
        }
        self.note(value.is_some());
        VALUE_BYTES + value.map_or(0, str::len) as u64
    }

    /// Adds a text of which many rows may have the same, which is told by its id alone.
    pub(super) fn push_known_text(&mut self, value: Option<KnownText<'_>>) -> u64 {
        let Some(KnownText { text, id }) = value else { return self.push_text(None) };
        if let Values::Repeated { numbers, last, .. } = &mut self.values
            && *last == Some(id)
            && let Some(&number) = numbers.last()
        {
            numbers.push(number);
            self.note(true);
            return VALUE_BYTES + text.len() as u64;
        }
        let bytes = self.push_text(Some(text));
        if let Values::Repeated { last, .. } = &mut self.values {
            *last = Some(id);
        }
        bytes
    }

    pub(super) fn push_bytes(&mut self, value: Option<&[u8]>) -> u64 {
        match &mut self.values {
            Values::Bytes(values) => values.extend(value.map(Bytes::copy_from_slice)),
            Values::Ints(_) | Values::Repeated { .. } | Values::Texts { .. } => {
                panic!("bytes in a column of another kind")
            }
        }
        self.note(value.is_some());
        VALUE_BYTES + value.map_or(0, <[u8]>::len) as u64
    }

    /// Adds the value of a row of another buffer of the same column, if it has one.
    pub(super) fn push_from(&mut self, other: &Self, row: usize) {
        let place = other.place(row);
        match &other.values {
            Values::Ints(values) => {
                self.push_int(place.map(|place| values[place]));
            }
            Values::Repeated { numbers, texts, .. } => {
                self.push_text(place.map(|place| texts.get(numbers[place])));
            }
            Values::Texts { ends, all } => {
                let text = |place: usize| &all[place.checked_sub(1).map_or(0, |before| ends[before])..ends[place]];
                self.push_text(place.map(text));
            }
            Values::Bytes(values) => {
                match &mut self.values {
                    // Shared, not copied: a payload can have many megabytes.
                    Values::Bytes(own) => own.extend(place.map(|place| values[place].clone())),
                    Values::Ints(_) | Values::Repeated { .. } | Values::Texts { .. } => {
                        panic!("bytes in a column of another kind")
                    }
                }
                self.note(place.is_some());
            }
        }
    }

    #[inline]
    fn note(&mut self, has_value: bool) {
        match &mut self.present {
            Some(present) if has_value => present.add(self.rows),
            Some(_) => {}
            None => assert!(has_value, "a column that is not nullable has a value in each row"),
        }
        self.rows += 1;
    }
}

#[cfg(test)]
mod tests;
