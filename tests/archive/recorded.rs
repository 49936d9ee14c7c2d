//! Records the captures, runs the command, and says what the archive has to hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use takeup::codec::inflate::Inflater;
use takeup::log::format::record::{Flags, Kind};
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;
use takeup::records::coding_of;

use crate::common::{PATIENCE, Request, Server, finish, fixtures};
use crate::read::{Archived, Sums};

/// Recorded trackers of three generations, with images and a phone's too.
const CAPTURES: [&str; 5] = ["12.0.4-journey", "18.0.7-beta.1-journey", "19.0.1-journey", "19.0.1-big", "12.0.4-big"];

/// The default of `body_inflated_limit`.
const INFLATED_MAX: usize = 16 << 20;

/// The command.
pub fn takeup(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
    command.env_clear().arg("--data").arg(data).args(arguments);
    command
}

/// Runs `takeup compact`, and returns its summary.
#[track_caller]
pub fn compact(data: &Path, arguments: &[&str]) -> Value {
    let finished = finish(takeup(data, &[&["compact", "--json"], arguments].concat()), PATIENCE);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.lines().remove(0)
}

/// Sends the batches of all captures, each capture in as many sessions as asked.
pub fn record_all(server: &Server, key: &str, times: usize) {
    for name in CAPTURES {
        let text = fs::read_to_string(fixtures(&format!("captures/{name}.jsonl"))).expect("the captures are there");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        for _ in 0..times {
            record(server, key, &lines);
        }
    }
}

fn record(server: &Server, key: &str, lines: &[Value]) {
    let token = server.start_session(key);
    for line in lines {
        let path = line["target"].as_str().and_then(|target| target.split('?').next());
        let is_sent = matches!(path, Some("/v1/web/i" | "/v1/web/images")) && line["method"] == "POST";
        if !is_sent || line["answer"]["status"] != 200 {
            continue;
        }
        let target = line["target"].as_str().expect("a target");
        let headers: Vec<(String, String)> = serde_json::from_value(line["headers"].clone()).expect("pairs of texts");
        let body = STANDARD.decode(line["body_b64"].as_str().expect("a body")).expect("base64");
        // The recorded headers have the length already.
        let request = Request::post(target).without("Host").body(&body).unframed();
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = server.connect().exchange(request.set("Authorization", &format!("Bearer {token}")));
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    }
}

/// What the archive has to hold: by record, the hash of its payload, inflated where that is possible; and the sums by session.
pub struct Expected {
    payloads: BTreeMap<String, blake3::Hash>,
    sums: BTreeMap<(i64, i64), Sums>,
    starts: usize,
}

/// What the log holds.
#[track_caller]
pub fn expected(data: &Path) -> Expected {
    let reader = LogReader::open(&data.join("log")).expect("the log opens");
    let mut merge = Merge::new(reader);
    let mut expected = Expected { payloads: BTreeMap::new(), sums: BTreeMap::new(), starts: 0 };
    let (mut inflater, mut inflated) = (Inflater::default(), Vec::new());
    while let Some(record) = merge.next_settled().expect("the log is readable") {
        if record.kind == Kind::Tombstone {
            continue;
        }
        let coding = coding_of(record.encoding).filter(|_| !record.flags.contains(Flags::UNUSABLE));
        let is_inflated =
            coding.is_some_and(|coding| inflater.inflate(coding, record.payload, INFLATED_MAX, &mut inflated).is_ok());
        let payload = if is_inflated { &inflated } else { record.payload };
        let twice = expected.payloads.insert(record.id.to_string(), blake3::hash(payload));
        assert!(twice.is_none(), "record ids are unique");
        let sums = expected.sums.entry((record.project.into(), record.session.cast_signed())).or_default();
        sums.records += 1;
        sums.batches += i64::from(matches!(record.kind, Kind::Batch | Kind::Sdk));
        sums.images += i64::from(record.kind == Kind::Image);
        sums.stored_bytes += record.payload.len() as i64;
        sums.payload_bytes += payload.len() as i64;
        expected.starts += usize::from(record.kind == Kind::Start);
    }
    assert!(!expected.payloads.is_empty(), "the log holds something");
    expected
}

impl Expected {
    /// Records of the log.
    pub fn records(&self) -> u64 {
        self.payloads.len() as u64
    }

    /// Checks an archive that is not up to the log's end yet: what it has is the log's, each record once.
    #[track_caller]
    pub fn check_part(&self, archived: &Archived) {
        archived.check_each_once();
        for (id, hash) in archived.payloads() {
            assert_eq!(self.payloads.get(&id), Some(&hash), "{id}");
        }
    }

    /// Checks an archive against the log.
    #[track_caller]
    pub fn check(&self, archived: &Archived) {
        archived.check_each_once();
        let found: BTreeMap<String, blake3::Hash> = archived.payloads().collect();
        assert!(found == self.payloads, "{} records, and {} in the archive", self.payloads.len(), found.len());
        assert_eq!(archived.sums(), self.sums);
        assert_eq!(archived.rows_of("sessions").count(), self.starts);
    }
}
