//! All that is stored, of whom, and as what: to compare what is left with what others had.

use std::collections::BTreeMap;
use std::path::Path;

use parquet::record::Field;
use takeup::archive::lock::ArchiveLock;
use takeup::archive::place::Place;
use takeup::log::LogError;
use takeup::log::format::record::Kind;
use takeup::log::read::reader::{LogReader, SegmentReader};

use crate::read::Archived;

const TABLES: [&str; 5] = ["batches", "records", "sessions", "activity", "events"];

/// Of whom: session and project.
type Owner = (u64, u64);

/// What is stored.
#[derive(PartialEq, Eq)]
pub struct Stored {
    /// Records of the log by their ids: whose each is, and a hash of all that it says.
    pub records: BTreeMap<String, (Owner, blake3::Hash)>,
    /// Rows of the archive, sorted: the table, whose it is, and a hash of all of its columns.
    pub rows: Vec<(String, Owner, [u8; 32])>,
}

impl Stored {
    /// Log and archive: all that is in the log's segments, and in the files that the manifest names.
    #[track_caller]
    pub fn read(data: &Path) -> Self {
        Self { records: records(data), rows: rows(data) }
    }

    /// Without those of some owners, by session and project.
    #[must_use]
    pub fn without(&self, goes: impl Fn(u64, u64) -> bool) -> Self {
        let records = self.records.iter().filter(|(_, ((session, project), _))| !goes(*session, *project));
        let rows = self.rows.iter().filter(|(_, (session, project), _)| !goes(*session, *project));
        Self { records: records.map(|(id, value)| (id.clone(), *value)).collect(), rows: rows.cloned().collect() }
    }

    /// What is stored of a session: records and rows.
    pub fn of(&self, session: u64) -> (usize, usize) {
        let records = self.records.values().filter(|((of, _), _)| *of == session).count();
        (records, self.rows.iter().filter(|(_, (of, _), _)| *of == session).count())
    }

    /// Demands that both are the same.
    #[track_caller]
    pub fn check_same(&self, now: &Self) {
        let (mut missing, mut more) = (self.records.clone(), now.records.clone());
        missing.retain(|id, value| now.records.get(id) != Some(value));
        more.retain(|id, value| self.records.get(id) != Some(value));
        assert!(missing.is_empty() && more.is_empty(), "records: {missing:?} are gone, {more:?} are new");
        assert!(self.rows == now.rows, "{} rows were {}", now.rows.len(), self.rows.len());
    }
}

/// Records, without what stands in the place of erased ones.
#[track_caller]
pub fn records(data: &Path) -> BTreeMap<String, (Owner, blake3::Hash)> {
    let reader = LogReader::open(&data.join("log")).expect("the log opens");
    let mut all = BTreeMap::new();
    for info in reader.segments().expect("the log can be listed") {
        let mut segment = match SegmentReader::open(&info) {
            Ok(segment) => segment,
            // It is being prepared.
            Err(LogError::Foreign { .. }) if !info.sealed() => continue,
            Err(error) => panic!("{error}"),
        };
        while let Some(record) = segment.next().expect("a segment is whole") {
            if matches!(record.kind, Kind::Pad | Kind::Tombstone) {
                continue;
            }
            let mut hasher = blake3::Hasher::new();
            let head = (record.order_us, record.kind, record.topic, record.data_type, record.encoding, record.session);
            hasher
                .update(format!("{head:?}{:?}", (record.project, record.split, record.label, record.flags)).as_bytes());
            hasher.update(&(record.ext.0.len() as u64).to_le_bytes()).update(record.ext.0).update(record.payload);
            let owner = (record.session, record.project.into());
            all.insert(record.id.to_string(), (owner, hasher.finalize()));
        }
    }
    all
}

#[track_caller]
fn rows(data: &Path) -> Vec<(String, Owner, [u8; 32])> {
    if !Archived::is_there(data) {
        return Vec::new();
    }
    // A server that goes on would replace what is being read.
    let _lock = ArchiveLock::take(&Place::in_data(data), &|| false).expect("the archive can be locked");
    let archived = Archived::read_named(data);
    let mut rows = Vec::new();
    for table in TABLES {
        for row in archived.rows_of(table) {
            let number = |name: &str| match &row[name] {
                Field::Long(value) => value.cast_unsigned(),
                other => panic!("{name} is {other:?}"),
            };
            let mut hasher = blake3::Hasher::new();
            for (name, value) in row {
                match value {
                    Field::Bytes(bytes) => hasher.update(name.as_bytes()).update(bytes.data()),
                    other => hasher.update(format!("{name}={other:?};").as_bytes()),
                };
            }
            let owner = (number("session_id"), number("project_id"));
            rows.push((table.to_owned(), owner, *hasher.finalize().as_bytes()));
        }
    }
    rows.sort_unstable();
    rows
}
