//! Reads an archive as any reader of Parquet would: each file that is there, or each that the manifest names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::Value;

/// A row: its columns by name.
type Columns = BTreeMap<String, Field>;

/// An archive.
pub struct Archived {
    rows: Vec<(String, Columns)>,
    files: usize,
    chunks: usize,
}

/// What arrived of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    pub records: i64,
    pub batches: i64,
    pub images: i64,
    pub stored_bytes: i64,
    pub payload_bytes: i64,
}

impl Archived {
    /// Whether there is an archive.
    pub fn is_there(data: &Path) -> bool {
        data.join("archive/manifest.json").exists()
    }

    /// All files below the tables' folders, which must be those of the manifest.
    #[track_caller]
    pub fn read(data: &Path) -> Self {
        let archived = Self::read_named(data);
        let named: BTreeSet<PathBuf> = named(data).into_iter().map(|(path, _)| path).collect();
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(data.join("archive")).expect("the archive is there").flatten() {
            if entry.path().is_dir() && entry.file_name() != "manifest" {
                find(&entry.path(), &mut there);
            }
        }
        assert_eq!(there, named, "the files are those that the manifest names");
        archived
    }

    /// The files that the manifest names.
    #[track_caller]
    pub fn read_named(data: &Path) -> Self {
        let mut rows = Vec::new();
        let named = named(data);
        let mut chunks = BTreeSet::new();
        for (path, entry) in &named {
            let bytes = fs::read(path).expect("a file that the manifest names is there");
            assert_eq!(blake3::hash(&bytes).to_hex().as_str(), entry["blake3"], "{}", path.display());
            assert_eq!(bytes.len() as u64, entry["bytes"], "{}", path.display());
            chunks.insert(entry["to"].to_string());
            let table = entry["table"].as_str().expect("a table").to_owned();
            let before = rows.len();
            rows.extend(rows_of(bytes::Bytes::from(bytes), entry).into_iter().map(|row| (table.clone(), row)));
            assert_eq!((rows.len() - before) as u64, entry["rows"], "{}", path.display());
        }
        Self { rows, files: named.len(), chunks: chunks.len() }
    }

    /// The files that the manifest names.
    pub fn paths(data: &Path) -> Vec<PathBuf> {
        named(data).into_iter().map(|(path, _)| path).collect()
    }

    /// Whether another archive has the same rows, in whatever files.
    pub fn has_same_rows(&self, other: &Self) -> bool {
        let sorted = |archived: &Self| {
            let mut rows: Vec<String> = archived.rows.iter().map(|row| format!("{row:?}")).collect();
            rows.sort_unstable();
            rows
        };
        sorted(self) == sorted(other)
    }

    /// How many files.
    pub fn files(&self) -> usize {
        self.files
    }

    /// How many chunks they were written from.
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// The rows of a table.
    pub fn rows_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Columns> {
        self.rows.iter().filter(move |(found, _)| found == table).map(|(_, row)| row)
    }

    /// Each record's id, and the hash of its payload.
    pub fn payloads(&self) -> impl Iterator<Item = (String, blake3::Hash)> {
        self.records().map(|row| (text(row, "record_id").expect("an id"), blake3::hash(bytes(row, "payload"))))
    }

    /// No record is there twice.
    #[track_caller]
    pub fn check_each_once(&self) {
        let ids: BTreeSet<String> = self.records().filter_map(|row| text(row, "record_id")).collect();
        assert_eq!(ids.len(), self.records().count(), "no record is there twice");
    }

    /// The sums by project and session.
    pub fn sums(&self) -> BTreeMap<(i64, i64), Sums> {
        let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
        for row in self.rows_of("activity") {
            let sum = sums.entry((number(row, "project_id"), number(row, "session_id"))).or_default();
            sum.records += number(row, "records");
            sum.batches += number(row, "batches");
            sum.images += number(row, "images");
            sum.stored_bytes += number(row, "stored_bytes");
            sum.payload_bytes += number(row, "payload_bytes");
        }
        sums
    }

    /// Why the batch with this payload is kept as received; `None` if there is no such batch.
    pub fn kept_of(&self, payload: &[u8]) -> Option<Option<String>> {
        let found = self.rows_of("batches").find(|row| bytes(row, "payload") == payload)?;
        Some(text(found, "kept_as_received"))
    }

    /// Checks what another reader has found: every row, every session, every payload.
    #[track_caller]
    pub fn check_seen(&self, reader: &str, seen: &Value) {
        for table in ["batches", "records", "sessions", "activity", "events"] {
            let seen = &seen[table];
            let rows: Vec<&Columns> = self.rows_of(table).collect();
            assert_eq!(seen["rows"], rows.len(), "{reader}: rows of {table}");
            let sessions: BTreeSet<String> = rows.iter().map(|row| number(row, "session_id").to_string()).collect();
            let seen_sessions: BTreeSet<String> = serde_json::from_value(seen["sessions"].clone()).expect("texts");
            assert_eq!(seen_sessions, sessions, "{reader}: sessions of {table}");
            let received_us: i64 = rows.iter().map(|row| time(row, "received_at")).sum();
            assert_eq!(seen["received_us"], received_us, "{reader}: times of {table}");
            let payloads: BTreeMap<String, (usize, u32)> = rows
                .iter()
                .filter(|row| row.contains_key("payload"))
                .map(|row| {
                    (text(row, "record_id").expect("an id"), (bytes(row, "payload").len(), crc(bytes(row, "payload"))))
                })
                .collect();
            let seen_payloads: BTreeMap<String, (usize, u32)> =
                serde_json::from_value(seen["payloads"].clone()).expect("payloads by record");
            assert!(seen_payloads == payloads, "{reader}: payloads of {table}");
            if let Some(batches) = seen["batches"].as_i64() {
                assert_eq!(batches, rows.iter().map(|row| number(row, "batches")).sum::<i64>(), "{reader}: {table}");
            }
        }
        if self.rows_of("sessions").next().is_some() {
            assert_eq!(seen["sessions"]["browsers"], serde_json::json!(["Chrome"]), "{reader}");
        }
        let is_time =
            |kind: &Value| kind.as_str().is_some_and(|kind| kind.contains("UTC") || kind.contains("TIME ZONE"));
        assert!(is_time(&seen["batches"]["types"]["received_at"]), "{reader}: {seen:?}");
    }

    fn records(&self) -> impl Iterator<Item = &Columns> {
        self.rows_of("batches").chain(self.rows_of("records"))
    }
}

/// The files of the manifest, and what it says of each.
#[track_caller]
fn named(data: &Path) -> Vec<(PathBuf, Value)> {
    let archive = data.join("archive");
    let text = fs::read(archive.join("manifest.json")).expect("the manifest is there");
    let manifest: Value = serde_json::from_slice(&text).expect("the manifest is JSON");
    let mut files = Vec::new();
    for day in manifest["days"].as_array().expect("a list") {
        let text =
            fs::read(archive.join(day["path"].as_str().expect("a path"))).expect("a list that is named is there");
        assert_eq!(blake3::hash(&text).to_hex().as_str(), day["blake3"], "{day}");
        let list: Value = serde_json::from_slice(&text).expect("a list is JSON");
        assert_eq!(list["files"].as_array().expect("a list").len() as u64, day["files"], "{day}");
        files.extend(list["files"].as_array().expect("a list").clone());
    }
    files.into_iter().map(|file| (archive.join(file["path"].as_str().expect("a path")), file)).collect()
}

fn find(dir: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        match entry.path().is_dir() {
            true => find(&entry.path(), found),
            false => drop(found.insert(entry.path())),
        }
    }
}

fn rows_of(file: bytes::Bytes, entry: &Value) -> Vec<Columns> {
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let about = reader.metadata().file_metadata().key_value_metadata().expect("metadata");
    let about = |key: &str| about.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    assert_eq!(about("takeup.table").as_deref(), entry["table"].as_str());
    assert_eq!(about("takeup.log").as_deref(), entry["log"].as_str());
    assert_eq!(about("takeup.from"), Some(entry["from"].to_string()));
    assert_eq!(about("takeup.to"), Some(entry["to"].to_string()));
    let rows: Vec<Columns> = reader
        .get_row_iter(None)
        .expect("rows")
        .map(|row: Result<Row, _>| {
            row.expect("a row").get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect()
        })
        .collect();
    let key = |row: &Columns| (number(row, "project_id"), number(row, "session_id"), time(row, "received_at"));
    assert!(rows.is_sorted_by_key(key), "{} is sorted", entry["path"]);
    for row in &rows {
        let hour = (time(row, "received_at") / 3_600_000_000 % 24) as u64;
        assert_eq!(format!("{hour:02}"), entry["hour"].as_str().expect("an hour"), "each row is in its hour");
    }
    rows
}

fn number(row: &Columns, name: &str) -> i64 {
    match &row[name] {
        Field::Long(value) => *value,
        other => panic!("{name} is {other:?}"),
    }
}

fn time(row: &Columns, name: &str) -> i64 {
    match &row[name] {
        Field::TimestampMicros(value) => *value,
        other => panic!("{name} is {other:?}"),
    }
}

fn text(row: &Columns, name: &str) -> Option<String> {
    match &row[name] {
        Field::Str(value) => Some(value.clone()),
        Field::Null => None,
        other => panic!("{name} is {other:?}"),
    }
}

fn bytes<'a>(row: &'a Columns, name: &str) -> &'a [u8] {
    match &row[name] {
        Field::Bytes(value) => value.data(),
        other => panic!("{name} is {other:?}"),
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
