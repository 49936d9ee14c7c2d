//! One dead letter, and its form as a line of JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::log::format::record::{Ext, Flags, Label, Record, RecordId};

use super::cause::{Cause, Trouble};
use super::stored_record::StoredRecord;

/// A record that can't be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// When it was given up, to the millisecond.
    pub time: SystemTime,
    /// Why.
    pub cause: Cause,
    /// The record.
    pub record: StoredRecord,
}

/// The line. Numbers that JavaScript would round are texts.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// When it was given up, ms since the Unix epoch.
    time_ms: u64,
    courier: String,
    trouble: String,
    code: String,
    error: String,
    id: String,
    received_us: u64,
    kind: String,
    topic: String,
    data_type: String,
    encoding: String,
    session_id: String,
    project_id: u32,
    split: u32,
    page: Option<u32>,
    number: Option<u32>,
    flags: u16,
    ext_base64: String,
    payload_base64: String,
}

impl DeadLetter {
    /// The line, without a line break.
    pub fn to_json(&self, courier: &str) -> String {
        let record = self.record.record();
        let line = Line {
            time_ms: self.time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64),
            courier: courier.to_owned(),
            trouble: self.cause.trouble.as_str().to_owned(),
            code: self.cause.code.to_string(),
            error: self.cause.text.clone(),
            id: record.id.to_string(),
            received_us: record.order_us,
            kind: record.kind.to_string(),
            topic: record.topic.to_string(),
            data_type: record.data_type.to_string(),
            encoding: record.encoding.to_string(),
            session_id: record.session.to_string(),
            project_id: record.project,
            split: record.split,
            page: record.label.map(|label| label.page),
            number: record.label.map(|label| label.number),
            flags: record.flags.0,
            ext_base64: STANDARD.encode(record.ext.0),
            payload_base64: STANDARD.encode(record.payload),
        };
        // A struct of texts and numbers always has a JSON form.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        fn field<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
            text.parse().map_err(|_| format!("{name}: {text:?} is not one of its values"))
        }
        let bytes = |name: &str, text: &str| STANDARD.decode(text).map_err(|error| format!("{name}: {error}"));
        let (ext, payload) = (bytes("ext_base64", &line.ext_base64)?, bytes("payload_base64", &line.payload_base64)?);
        let label = match (line.page, line.number) {
            (Some(page), Some(number)) => Some(Label { page, number }),
            _ => None,
        };
        let record = Record {
            id: field::<RecordId>("id", &line.id)?,
            order_us: line.received_us,
            kind: field("kind", &line.kind)?,
            topic: field("topic", &line.topic)?,
            data_type: field("data_type", &line.data_type)?,
            encoding: field("encoding", &line.encoding)?,
            session: field("session_id", &line.session_id)?,
            project: line.project_id,
            split: line.split,
            label,
            flags: Flags(line.flags),
            payload_crc: crc32c::crc32c_append(crc32c::crc32c(&ext), &payload),
            ext: Ext(&ext),
            payload: &payload,
        };
        let trouble = Trouble::named(&line.trouble).unwrap_or(Trouble::Other);
        Ok(Self {
            time: UNIX_EPOCH + Duration::from_millis(line.time_ms),
            cause: Cause::new(trouble, line.code, line.error),
            record: StoredRecord::of(&record),
        })
    }
}
