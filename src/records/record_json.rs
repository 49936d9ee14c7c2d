//! A record as one JSON object, whole: what `takeup replay --to -` prints and the courier for files writes.

use std::borrow::Cow;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use crate::log::format::record::Record;

use super::batch_texts::BatchTexts;

/// How every such object begins: readers may look for the id without parsing the rest.
pub const RECORD_JSON_BEGIN: &str = "{\"id\":\"";

/// A record to be written as JSON. The field names are fixed; ids are texts because JavaScript numbers can't hold them.
#[derive(Debug, Serialize)]
pub struct RecordJson<'a> {
    // The first field: see RECORD_JSON_BEGIN.
    id: String,
    received_us: u64,
    kind: &'static str,
    session_id: String,
    project_id: u32,
    topic: &'static str,
    page: Option<u32>,
    number: Option<u32>,
    data_type: Cow<'a, str>,
    encoding: &'static str,
    /// The offset at which a `visual` upload is split, in inflated bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Base64::is_empty")]
    ext: Base64<'a>,
    body: Base64<'a>,
}

impl<'a> RecordJson<'a> {
    /// The object for a record.
    pub fn of(record: &Record<'a>) -> Self {
        let other = BatchTexts::read(&record.ext).data_type.map(String::from_utf8_lossy);
        Self {
            id: record.id.to_string(),
            received_us: record.order_us,
            kind: record.kind.as_str(),
            session_id: record.session.to_string(),
            project_id: record.project,
            topic: record.topic.as_str(),
            page: record.label.map(|label| label.page),
            number: record.label.map(|label| label.number),
            data_type: other.unwrap_or(Cow::Borrowed(record.data_type.as_str())),
            encoding: record.encoding.as_str(),
            split: (record.split != 0).then_some(record.split),
            flags: record.flags.names(),
            ext: Base64(record.ext.0),
            body: Base64(record.payload),
        }
    }
}

/// Bytes that are written as base64, without a copy of their own.
#[derive(Debug)]
struct Base64<'a>(&'a [u8]);

impl Base64<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}
