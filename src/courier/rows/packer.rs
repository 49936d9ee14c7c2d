//! Makes rows from the log's records.

use crate::courier::{Cause, Packer, Trouble};
use crate::log::format::record::Record;
use crate::records::{Content, SessionRow, Source, Start, Table, TableRow, TestSignalRow, UnstartedSessionRow};

use super::row::Row;
use super::table::{RowTable, SESSIONS, TEST_SIGNALS, UNSTARTED_SESSIONS, first_chars};

const PLATFORMS: [&str; 3] = ["web", "ios", "android"];
const STATUSES: [&str; 3] = ["begin", "done", "skipped"];

/// Makes rows from starts and from stored rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowPacker;

impl Packer for RowPacker {
    type Item = Row;

    fn pack(&mut self, record: &Record<'_>, rows: &mut Vec<Row>) -> Result<(), Cause> {
        match Content::of(record) {
            Content::Start(start) => rows.push(session(&start)?),
            Content::TableRow(stored) => rows.push(stored_row(&stored)?),
            _ => {}
        }
        Ok(())
    }

    fn item_bytes(row: &Row) -> usize {
        row.bytes()
    }
}

fn session(start: &Start<'_>) -> Result<Row, Cause> {
    let Some(mut row) = start.row() else {
        return Err(unreadable(RowTable::Sessions));
    };
    settle_words(&mut row, start.source);
    Ok(Row { table: RowTable::Sessions, values: SESSIONS.values(&row) })
}

/// Puts the usual words in place of others, which no release's types have.
fn settle_words(row: &mut SessionRow<String>, source: Source) {
    if !PLATFORMS.contains(&&*row.platform) {
        row.platform = match source {
            Source::Web | Source::Sdk => "web",
            Source::Mobile if row.os.eq_ignore_ascii_case("ios") => "ios",
            Source::Mobile => "android",
        }
        .to_owned();
    }
    if row.country.is_empty() {
        "UN".clone_into(&mut row.country);
    }
}

fn stored_row(stored: &TableRow<'_>) -> Result<Row, Cause> {
    match stored.table {
        Table::TestSignals => {
            let table = RowTable::TestSignals;
            let row = TestSignalRow::read(stored.json).ok_or_else(|| unreadable(table))?;
            if !STATUSES.contains(&&*row.status) {
                let text = format!("a signal's status is {:?}, not one of {STATUSES:?}", first_chars(&row.status, 64));
                return Err(Cause::new(Trouble::CannotBuild, "", text));
            }
            Ok(Row { table, values: TEST_SIGNALS.values(&row) })
        }
        Table::UnstartedSessions => {
            let table = RowTable::UnstartedSessions;
            let row = UnstartedSessionRow::read(stored.json).ok_or_else(|| unreadable(table))?;
            Ok(Row { table, values: UNSTARTED_SESSIONS.values(&row) })
        }
    }
}

fn unreadable(table: RowTable) -> Cause {
    let text = format!("the record has no row for table {}, or one that is not JSON of its columns", table.name());
    Cause::new(Trouble::CannotBuild, "", text)
}

#[cfg(test)]
mod tests;
