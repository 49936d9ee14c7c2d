//! The start of a session: what `POST /v1/{web,mobile,sdk}/start` stores.

use crate::log::format::record::{Entry, Ext, ExtWriter, Kind, Record, Topic, ext_type};
use crate::session::SessionId;

use super::blank;
use super::source::Source;

pub use message::{MobileSessionStart, SessionStart};
pub use row::{Campaign, SessionRow};

mod message;
mod row;

/// A session's first message, with its row for table `sessions` in the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start<'a> {
    /// The kind of client.
    pub source: Source,
    /// The session.
    pub session: SessionId,
    /// Its project.
    pub project: u32,
    /// What [`write_ext`](Self::write_ext) wrote: the row.
    pub ext: Ext<'a>,
    /// The [`SessionStart`] or [`MobileSessionStart`] message, without size or metadata; empty for the SDK.
    pub message: &'a [u8],
}

impl<'a> Start<'a> {
    /// Writes the extension to `out`, which is cleared first. `row` is the row as JSON.
    pub fn write_ext(row: &[u8], out: &mut Vec<u8>) {
        // Cannot fail: a row is kept far shorter than an extension.
        let _ = ExtWriter::new(out).push(ext_type::SESSION_ROW, row);
    }

    /// The topic for the message; none if there is no message.
    pub const fn topic(&self) -> Topic {
        match self.source {
            Source::Web => Topic::Raw,
            Source::Mobile => Topic::RawIos,
            Source::Sdk => Topic::None,
        }
    }

    /// The entry for the start.
    pub const fn entry(&self) -> Entry<'a> {
        Entry {
            topic: self.topic(),
            ext: self.ext.0,
            ..blank::entry(Kind::Start, self.session.0, self.project, self.message)
        }
    }

    /// The start in a record; `None` if the record is something else.
    pub fn read(record: &Record<'a>) -> Option<Self> {
        let source = match (record.kind, record.topic) {
            (Kind::Start, Topic::Raw) => Source::Web,
            (Kind::Start, Topic::RawIos) => Source::Mobile,
            (Kind::Start, Topic::None) => Source::Sdk,
            _ => return None,
        };
        let session = SessionId(record.session);
        Some(Self { source, session, project: record.project, ext: record.ext, message: record.payload })
    }

    /// The row for table `sessions` as JSON.
    pub fn row_json(&self) -> Option<&'a [u8]> {
        self.ext.get(ext_type::SESSION_ROW)
    }

    /// The row for table `sessions`; `None` if it is missing or cannot be parsed.
    pub fn row(&self) -> Option<SessionRow<String>> {
        SessionRow::read(self.row_json()?)
    }
}

#[cfg(test)]
mod tests;
