//! What the log holds: batches as `takeup replay --to -` prints them, and all records as the log's own reader shows them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use takeup::log::format::record;
use takeup::log::format::record::{Kind, ext_type};
use takeup::log::read::merge::{Merge, RepeatWindow};
use takeup::log::read::reader::LogReader;

use super::command::{finish, takeup};
use super::wait::PATIENCE;

/// The batches in the log, as `takeup replay --to -` prints them; those that were sent twice, too.
#[track_caller]
pub fn stored(data: &Path) -> Vec<Stored> {
    replayed(data).into_iter().map(Stored::read).collect()
}

/// The lines of a replay of everything.
#[track_caller]
fn replayed(data: &Path) -> Vec<Value> {
    let mut command = takeup(data);
    command.args(["replay", "--to", "-", "--with-repeats"]);
    let finished = finish(command, PATIENCE);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.lines()
}

/// A batch in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The position of its record.
    pub id: String,
    /// The session.
    pub session: u64,
    /// The project, 0 when it was not known.
    pub project: u64,
    /// Where its body came from: the line without id, time and project.
    pub line: Value,
    /// The body as received.
    pub body: Vec<u8>,
}

impl Stored {
    fn read(mut line: Value) -> Stored {
        let object = line.as_object_mut().expect("each line is an object");
        let mut take = |key: &str| object.remove(key).unwrap_or_else(|| panic!("a batch has {key}"));
        take("received_us");
        let (id, project, body) = (take("id"), take("project_id"), take("body"));
        let session = line["session_id"].as_str().and_then(|id| id.parse().ok());
        Stored {
            id: id.as_str().expect("an id is a text").to_owned(),
            session: session.expect("a session is a number in a text"),
            project: project.as_u64().expect("a project is a number"),
            body: STANDARD.decode(body.as_str().expect("a body is a text")).expect("a body is base64"),
            line,
        }
    }
}

/// One stored record.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
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
    /// The table that the body is a row for.
    pub table: Option<String>,
    /// The name of an upload.
    pub file: Option<String>,
}

impl Record {
    /// A batch, from its line.
    fn batch(line: &Value) -> Self {
        let text = |key: &str| text(line, key);
        let number = |key: &str| match &line[key] {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        Self {
            split: number("split").and_then(|split| usize::try_from(split).ok()),
            kind: Kind::Batch,
            row: None,
            table: None,
            file: None,
            session: number("session_id").expect("a record has a session_id"),
            project: number("project_id").unwrap_or(0),
            topic: text("topic"),
            data_type: text("data_type"),
            encoding: text("encoding"),
            label: (number("page"), number("number")),
            body: STANDARD.decode(text("body")).expect("body is base64"),
        }
    }

    /// Any other record, as it is in the log.
    fn other(record: &record::Record<'_>) -> Self {
        let text = |kind| record.ext.get(kind).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let row = text(ext_type::SESSION_ROW).map(|row| serde_json::from_str(&row).expect("a session's row is JSON"));
        assert_eq!(row.is_some(), record.kind == Kind::Start, "starts, and only they, have their session's row");
        assert_eq!(text(ext_type::TABLE).is_some(), record.kind == Kind::Row, "rows, and only they, have a table");
        Self {
            session: record.session,
            project: record.project.into(),
            topic: record.topic.as_str().to_owned(),
            kind: record.kind,
            data_type: record.data_type.as_str().to_owned(),
            encoding: record.encoding.as_str().to_owned(),
            label: (None, None),
            body: record.payload.to_vec(),
            split: None,
            row,
            table: text(ext_type::TABLE),
            file: text(ext_type::FILE_NAME),
        }
    }

    /// What a queue would get: the body, inflated when it is gzip, and with its name when it is an upload of images.
    pub fn value(&self) -> Vec<u8> {
        if let Some(name) = &self.file {
            return format!(r#"{{"Name":"{name}","Data":"{}"}}"#, STANDARD.encode(&self.body)).into_bytes();
        }
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
    records_within(data, RepeatWindow::OFF)
}

/// The same without what a client has sent again: what couriers deliver.
#[track_caller]
pub fn records_once(data: &Path) -> Vec<Record> {
    records_within(data, RepeatWindow::default())
}

#[track_caller]
fn records_within(data: &Path, window: RepeatWindow) -> Vec<Record> {
    let lines = replayed(data);
    let mut batches: BTreeMap<String, Record> =
        lines.iter().map(|line| (text(line, "id"), Record::batch(line))).collect();
    assert_eq!(batches.len(), lines.len(), "record ids are unique");

    let reader = LogReader::open(&data.join("log")).expect("the log opens");
    let mut merge = Merge::new(reader).with_repeat_window(window);
    let mut records = Vec::new();
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        records.push(match record.kind {
            Kind::Batch => batches.remove(&record.id.to_string()).expect("every batch is printed"),
            Kind::Sdk => {
                batches.remove(&record.id.to_string()).expect("events of the SDK are printed too");
                Record::other(&record)
            }
            Kind::Pad | Kind::Tombstone => panic!("a record that no route writes: {:?}", record.kind),
            // A replay prints some of the others too.
            _ => {
                batches.remove(&record.id.to_string());
                Record::other(&record)
            }
        });
    }
    assert!(batches.is_empty() || window != RepeatWindow::OFF, "every batch that is printed is in the log");
    records
}

fn text(line: &Value, key: &str) -> String {
    match &line[key] {
        Value::String(text) => text.clone(),
        other => panic!("{key} is {other} in {line}"),
    }
}
