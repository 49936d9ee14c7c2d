//! A row for a table of OpenReplay's database.

use crate::log::format::record::{Entry, ExtWriter, Kind, Record, ext_type};
use crate::session::SessionId;

use super::blank;

pub use test_signal::TestSignalRow;
pub use unstarted_session::UnstartedSessionRow;

mod test_signal;
mod unstarted_session;

/// The tables for which rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Signals of usability tests: a [`TestSignalRow`].
    TestSignals,
    /// Browsers that reported that they do not record: an [`UnstartedSessionRow`]. OpenReplay's own schema never had this table.
    UnstartedSessions,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 2] = [Self::TestSignals, Self::UnstartedSessions];

    /// The table's name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TestSignals => "ut_tests_signals",
            Self::UnstartedSessions => "unstarted_sessions",
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.as_str().as_bytes() == name)
    }
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableRow<'a> {
    /// The table.
    pub table: Table,
    /// The session; `SessionId(0)` if the row belongs to none.
    pub session: SessionId,
    /// The project; 0 if unknown.
    pub project: u32,
    /// The row as JSON, an object of columns and values, as the row's own type writes and reads it.
    pub json: &'a [u8],
}

impl<'a> TableRow<'a> {
    /// The entry for the row. The extension is written to `ext`, which is cleared first.
    pub fn entry(&self, ext: &'a mut Vec<u8>) -> Entry<'a> {
        // A table's name always fits.
        let _ = ExtWriter::new(ext).push(ext_type::TABLE, self.table.as_str().as_bytes());
        Entry { ext, ..blank::entry(Kind::Row, self.session.0, self.project, self.json) }
    }

    /// The row in a record; `None` if the record is something else, or a row for a table that this version does not know.
    pub fn read(record: &Record<'a>) -> Option<Self> {
        if record.kind != Kind::Row {
            return None;
        }
        let table = Table::named(record.ext.get(ext_type::TABLE)?)?;
        Some(Self { table, session: SessionId(record.session), project: record.project, json: record.payload })
    }
}

#[cfg(test)]
mod tests;
