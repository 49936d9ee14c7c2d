//! A record as one line, as printed by `inspect --records` and `tail`.

use std::borrow::Cow;

use serde::Serialize;

use crate::log::format::record::Record;
use crate::records::BatchTexts;

use super::output::{exact_time_us, plain};

/// A record, as `--json` shows it.
#[derive(Debug, Serialize)]
pub(super) struct RecordLine<'a> {
    id: String,
    received_us: u64,
    kind: &'static str,
    topic: &'static str,
    session_id: String,
    project_id: u32,
    page: Option<u32>,
    number: Option<u32>,
    data_type: Cow<'a, str>,
    encoding: &'static str,
    split: Option<u32>,
    flags: Vec<&'static str>,
    query: Option<Cow<'a, str>>,
    bytes: usize,
}

impl<'a> RecordLine<'a> {
    /// The line for a record.
    pub(super) fn new(record: &Record<'a>) -> RecordLine<'a> {
        let texts = BatchTexts::read(&record.ext);
        let other = texts.data_type.map(String::from_utf8_lossy);
        RecordLine {
            id: record.id.to_string(),
            received_us: record.order_us,
            kind: record.kind.as_str(),
            topic: record.topic.as_str(),
            session_id: record.session.to_string(),
            project_id: record.project,
            page: record.label.map(|label| label.page),
            number: record.label.map(|label| label.number),
            data_type: other.unwrap_or(Cow::Borrowed(record.data_type.as_str())),
            encoding: record.encoding.as_str(),
            split: (record.split != 0).then_some(record.split),
            flags: record.flags.names(),
            query: texts.query.map(String::from_utf8_lossy),
            bytes: record.payload.len(),
        }
    }

    /// The heading for [`text`](RecordLine::text).
    pub(super) fn heading() -> String {
        format!(
            "{:24}  {:9}  {:13}  {:>20}  {:>7}  {:>9}  {:9}  {:8}  {:>10}  FLAGS",
            "RECEIVED", "KIND", "TOPIC", "SESSION", "PROJECT", "LABEL", "TYPE", "ENCODING", "BYTES"
        )
    }

    /// The human-readable line.
    pub(super) fn text(&self) -> String {
        let label = match (self.page, self.number) {
            (Some(page), Some(number)) => format!("{page}_{number}"),
            _ => "-".to_owned(),
        };
        let text = format!(
            "{:24}  {:9}  {:13}  {:>20}  {:>7}  {:>9}  {:9}  {:8}  {:>10}  {}",
            exact_time_us(self.received_us),
            self.kind,
            self.topic,
            self.session_id,
            self.project_id,
            label,
            plain(&self.data_type, 20),
            self.encoding,
            self.bytes,
            self.flags.join(",")
        );
        text.trim_end().to_owned()
    }
}
