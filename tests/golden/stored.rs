//! What the log holds: records as `takeup replay --to -` prints them, and the rows of sessions,
//! which only the log's own reader shows.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use takeup::log::merge::Merge;
use takeup::log::reader::LogReader;
use takeup::log::record::ext_type;

use super::server::lines_of;

/// One stored record.
#[derive(Debug, Clone)]
pub struct Record {
    /// The session id.
    pub session: u64,
    /// The project, 0 when it was not known.
    pub project: u64,
    /// OpenReplay's default name of the topic.
    pub topic: String,
    /// The batch type.
    pub data_type: String,
    /// How the body is packed.
    pub encoding: String,
    /// The client's label: page and number.
    pub label: (Option<u64>, Option<u64>),
    /// The body as it was received.
    pub body: Vec<u8>,
    /// Where the inflated body is cut in two, if it is.
    pub split: Option<usize>,
    /// The session's row that came with a start.
    pub row: Option<Value>,
}

impl Record {
    fn read(line: &Value, rows: &mut BTreeMap<String, Option<Value>>) -> Self {
        let text = |key: &str| match &line[key] {
            Value::String(text) => text.clone(),
            other => panic!("{key} is {other} in {line}"),
        };
        let number = |key: &str| match &line[key] {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        Self {
            split: number("split").and_then(|split| usize::try_from(split).ok()),
            row: rows.remove(&text("id")).expect("both readers see the same records"),
            session: number("session_id").expect("a record has a session_id"),
            project: number("project_id").unwrap_or(0),
            topic: text("topic"),
            data_type: text("data_type"),
            encoding: text("encoding"),
            label: (number("page"), number("number")),
            body: STANDARD.decode(text("body")).expect("body is base64"),
        }
    }

    /// The body, inflated when it is gzip.
    pub fn value(&self) -> Vec<u8> {
        if self.encoding != "gzip" {
            return self.body.clone();
        }
        let mut value = Vec::new();
        let mut reader = flate2::read::MultiGzDecoder::new(self.body.as_slice());
        reader.read_to_end(&mut value).expect("a checked body inflates");
        value
    }
}

/// All records of the log, in its order.
pub fn records(data: &Path) -> Vec<Record> {
    let lines = lines_of(&["replay", "--to", "-"], data);
    let mut rows = rows(data);
    lines.iter().map(|line| Record::read(line, &mut rows)).collect()
}

/// The rows that came with starts, by record; None for a record without one.
fn rows(data: &Path) -> BTreeMap<String, Option<Value>> {
    let mut merge = Merge::new(LogReader::open(&data.join("log")).expect("the log opens"));
    let mut rows = BTreeMap::new();
    while let Some(record) = merge.next().expect("the log is readable") {
        let row = record.ext.get(ext_type::SESSION_ROW);
        let row = row.map(|row| serde_json::from_slice(row).expect("a session's row is JSON"));
        rows.insert(record.id.to_string(), row);
    }
    rows
}
