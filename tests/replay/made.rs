//! Logs that are made of given records, and what a replay prints of them.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use takeup::codec::inflate::Inflater;
use takeup::log::copy::{CopyEnd, LogCopy};
use takeup::log::format::record::{DataType, Encoding, Entry, ExtWriter, Flags, Kind, Label, Topic};
use takeup::records::coding_of;

use crate::common::{Finished, PATIENCE, finish, gzip};

/// 2026-11-29T00:00:00Z.
pub const DAY_US: u64 = 1_795_910_400_000_000;

const SEGMENT_BYTES: u64 = 256 << 10;

/// A record to be put into a log.
#[derive(Debug, Clone)]
pub struct Made {
    pub kind: Kind,
    pub session: u64,
    pub project: u32,
    pub number: u32,
    pub at_us: u64,
    pub encoding: Encoding,
    pub body: Vec<u8>,
}

/// A batch of a session; gzip'd if its number is even.
pub fn batch(session: u64, number: u32, at_us: u64, inflated: &[u8]) -> Made {
    let (encoding, body) = match number % 2 {
        0 => (Encoding::Gzip, gzip(inflated)),
        _ => (Encoding::Identity, inflated.to_vec()),
    };
    Made { kind: Kind::Batch, session, project: 1 + (session % 3) as u32, number, at_us, encoding, body }
}

/// A tracker's batch: its head with an address, then a message that names the user if there is one, then bytes.
pub fn tracker_batch(user: Option<&str>, filling: usize) -> Vec<u8> {
    let mut body = vec![81, 1, 0, 0, 2, 1, b'a'];
    if let Some(user) = user {
        body.extend([28, user.len() as u8 + 1, 0, 0, user.len() as u8]);
        body.extend(user.as_bytes());
    }
    // A custom event: its name and its payload.
    let filling: Vec<u8> = (0..filling).map(|at| b'a' + (at * at % 23) as u8).collect();
    let length = filling.len();
    let event = [&[1, b'n', (length & 0x7f) as u8 | 0x80, (length >> 7) as u8][..], &filling].concat();
    body.extend([27, event.len() as u8, (event.len() >> 8) as u8, 0]);
    body.extend(event);
    body
}

/// Many batches of interleaved sessions, over several hours, with bodies of many sizes.
pub fn many(sessions: u64, batches: u32) -> Vec<Made> {
    let mut all = Vec::new();
    for number in 0..batches {
        for session in 0..sessions {
            // Several have the same time.
            let at_us = DAY_US + u64::from(number) * 90_000_000 + session / 3 * 1000;
            let filling = (session as usize * 131 + number as usize * 37) % 3000;
            all.push(batch(1000 + session * 7, number, at_us, &tracker_batch(None, filling)));
        }
    }
    all
}

/// Makes the log of a data folder. Returns where it ends, to go on there.
pub fn write(data: &Path, records: &[Made]) -> CopyEnd {
    append(LogCopy::create(&data.join("log"), SEGMENT_BYTES).expect("a new log"), records)
}

/// Adds records to a log.
pub fn write_more(data: &Path, end: &CopyEnd, records: &[Made]) -> CopyEnd {
    append(LogCopy::resume(&data.join("log"), SEGMENT_BYTES, end).expect("the log goes on"), records)
}

fn append(mut copy: LogCopy, records: &[Made]) -> CopyEnd {
    let mut ext = Vec::new();
    for record in records {
        let query = format!("0_{}", record.number);
        ExtWriter::new(&mut ext).push_query(query.as_bytes()).expect("it fits");
        let entry = Entry {
            kind: record.kind,
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: record.encoding,
            session: record.session,
            project: record.project,
            split: 0,
            label: Some(Label { page: 0, number: record.number }),
            flags: Flags::NONE,
            ext: &ext,
            payload: &record.body,
        };
        copy.append(&entry, record.at_us).expect("the log takes it");
    }
    copy.finish().expect("the log is sealed")
}

/// Runs takeup.
#[track_caller]
pub fn takeup(data: &Path, arguments: &[&str]) -> Finished {
    finish(command(data, arguments), PATIENCE)
}

/// The command.
pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
    command.env_clear().arg("--data").arg(data).args(arguments);
    command
}

/// Runs takeup, which succeeds.
#[track_caller]
pub fn succeed(data: &Path, arguments: &[&str]) -> Finished {
    let finished = takeup(data, arguments);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    finished
}

/// A line that a replay has printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: String,
    pub received_us: u64,
    pub session: u64,
    pub project: u64,
    pub number: u64,
    pub encoding: String,
    /// The body, inflated.
    pub body: Vec<u8>,
}

/// What a replay to stdout prints.
#[track_caller]
pub fn lines(data: &Path, arguments: &[&str]) -> Vec<Line> {
    parsed(&succeed(data, &[&["replay", "--to", "-"], arguments].concat()))
}

/// Printed lines.
pub fn parsed(finished: &Finished) -> Vec<Line> {
    let mut inflater = Inflater::default();
    finished.lines().iter().map(|line| Line::of(line, &mut inflater)).collect()
}

impl Line {
    fn of(line: &Value, inflater: &mut Inflater) -> Self {
        let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name} of {line}")).to_owned();
        let encoding = text("encoding");
        let mut body = STANDARD.decode(text("body")).expect("base64");
        if let Some(coding) = coding_of(encoding.parse().expect("an encoding")) {
            let mut inflated = Vec::new();
            inflater.inflate(coding, &body, 64 << 20, &mut inflated).expect("it inflates");
            body = inflated;
        }
        Self {
            id: text("id"),
            received_us: line["received_us"].as_u64().expect("a time"),
            session: text("session_id").parse().expect("a session"),
            project: line["project_id"].as_u64().expect("a project"),
            number: line["number"].as_u64().expect("a number"),
            encoding,
            body,
        }
    }

    /// Without what differs between a log and its archive, or its copy.
    pub fn content(&self) -> (u64, u64, u64, u64, &[u8]) {
        (self.received_us, self.session, self.project, self.number, &self.body)
    }
}

/// The contents of lines.
pub fn contents(lines: &[Line]) -> Vec<(u64, u64, u64, u64, &[u8])> {
    lines.iter().map(Line::content).collect()
}

/// A folder for data folders.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}
