//! The values of a column in memory, until they are written.

use bytes::Bytes;

use super::column::{Column, ColumnKind};
use super::known_text::{KnownText, TextId};
use super::presence::Presence;

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
enum Values {
    Ints(Vec<i64>),
    /// Texts, and where each begins and ends. Rows in a row with the same text share it, as the events of a page do.
    Texts {
        places: Vec<(usize, usize)>,
        all: String,
        last: Option<TextId>,
    },
    /// Each by itself: they are large, and one vector of all would be copied each time it grows.
    Bytes(Vec<Bytes>),
}

impl ColumnBuffer {
    pub(super) fn new(column: &Column) -> Self {
        let values = match column.kind {
            ColumnKind::Bool | ColumnKind::Int | ColumnKind::Time => Values::Ints(Vec::new()),
            ColumnKind::Text => Values::Texts { places: Vec::new(), all: String::new(), last: None },
            ColumnKind::Bytes => Values::Bytes(Vec::new()),
        };
        Self { kind: column.kind, rows: 0, values, present: column.nullable.then(Presence::default) }
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
        self.place(row).is_some()
    }

    /// Where a row's value stands among the values.
    fn place(&self, row: usize) -> Option<usize> {
        match &self.present {
            Some(present) => present.place(row),
            None => Some(row),
        }
    }

    /// A row's number, time or flag, if it has one.
    pub(super) fn optional_int(&self, row: usize) -> Option<i64> {
        match &self.values {
            Values::Ints(values) => self.place(row).map(|place| values[place]),
            Values::Texts { .. } | Values::Bytes(_) => unreachable!("the kind of a column is known"),
        }
    }

    /// A row's number, time or flag; 0 if it has none.
    pub fn int(&self, row: usize) -> i64 {
        self.optional_int(row).unwrap_or_default()
    }

    /// A row's text or bytes; empty if it has none.
    pub fn bytes(&self, row: usize) -> &[u8] {
        let Some(place) = self.place(row) else { return &[] };
        match &self.values {
            Values::Texts { places, all, .. } => {
                let (from, to) = places[place];
                &all.as_bytes()[from..to]
            }
            Values::Bytes(values) => &values[place],
            Values::Ints(_) => unreachable!("the kind of a column is known"),
        }
    }

    /// The texts or bytes of those of these rows that have one, in this order, each with as few copies as possible.
    pub(super) fn shared(&self, rows: impl Iterator<Item = usize> + Clone) -> Vec<Bytes> {
        let found = rows.filter_map(|row| self.place(row));
        match &self.values {
            Values::Bytes(values) => found.map(|place| values[place].clone()).collect(),
            Values::Texts { places, all, .. } => {
                let is_new = |last: &mut Option<(usize, usize)>, place| last.replace(place) != Some(place);
                let mut last = None;
                let new = found.clone().map(|place| places[place]).filter(|&place| is_new(&mut last, place));
                let mut copied = Vec::new();
                new.for_each(|(from, to)| copied.extend_from_slice(&all.as_bytes()[from..to]));
                let copied = Bytes::from(copied);
                let (mut last, mut at, mut current) = (None, 0, Bytes::new());
                let next = |place: usize| {
                    let (from, to) = places[place];
                    if is_new(&mut last, (from, to)) {
                        current = copied.slice(at..at + (to - from));
                        at += to - from;
                    }
                    current.clone()
                };
                found.map(next).collect()
            }
            Values::Ints(_) => unreachable!("the kind of a column is known"),
        }
    }

    /// Adds a value. Returns what it counts as, as those after it do.
    pub(super) fn push_int(&mut self, value: Option<i64>) -> u64 {
        match &mut self.values {
            Values::Ints(values) => values.extend(value),
            Values::Texts { .. } | Values::Bytes(_) => panic!("a number in a column of texts or bytes"),
        }
        self.note(value.is_some());
        VALUE_BYTES
    }

    pub(super) fn push_text(&mut self, value: Option<&str>) -> u64 {
        let Some(text) = value else { return self.push_no_text() };
        let Values::Texts { places, all, last } = &mut self.values else {
            panic!("a text in a column of another kind")
        };
        *last = None;
        match places.last() {
            Some(&(from, to)) if &all.as_bytes()[from..to] == text.as_bytes() => places.push((from, to)),
            _ => {
                all.push_str(text);
                places.push((all.len() - text.len(), all.len()));
            }
        }
        self.note(true);
        VALUE_BYTES + text.len() as u64
    }

    /// Adds a text of which many rows may have the same, which is told by its id alone.
    pub(super) fn push_known_text(&mut self, value: Option<KnownText<'_>>) -> u64 {
        let Some(KnownText { text, id }) = value else { return self.push_no_text() };
        if let Values::Texts { places, last, .. } = &mut self.values
            && *last == Some(id)
            && let Some(&place) = places.last()
        {
            places.push(place);
            self.note(true);
            return VALUE_BYTES + text.len() as u64;
        }
        let bytes = self.push_text(Some(text));
        if let Values::Texts { last, .. } = &mut self.values {
            *last = Some(id);
        }
        bytes
    }

    fn push_no_text(&mut self) -> u64 {
        assert!(matches!(self.values, Values::Texts { .. }), "a text in a column of another kind");
        self.note(false);
        VALUE_BYTES
    }

    pub(super) fn push_bytes(&mut self, value: Option<&[u8]>) -> u64 {
        match &mut self.values {
            Values::Bytes(values) => values.extend(value.map(Bytes::copy_from_slice)),
            Values::Ints(_) | Values::Texts { .. } => panic!("bytes in a column of another kind"),
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
            Values::Texts { places, all, .. } => {
                self.push_text(place.map(|place| &all[places[place].0..places[place].1]));
            }
            Values::Bytes(values) => {
                match &mut self.values {
                    // Shared, not copied: a payload can have many megabytes.
                    Values::Bytes(own) => own.extend(place.map(|place| values[place].clone())),
                    Values::Ints(_) | Values::Texts { .. } => panic!("bytes in a column of another kind"),
                }
                self.note(place.is_some());
            }
        }
    }

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
