use std::collections::BTreeSet;
use std::fs;

use parquet::file::reader::{FileReader, SerializedFileReader};
use uuid::Uuid;

use super::*;
use crate::archive::chunk::Chunk;
use crate::archive::decode::EventDecoder;
use crate::archive::manifest::FileFilter;
use crate::archive::payload::Payload;
use crate::archive::rewrite::{Rewritten, rewrite_file};
use crate::archive::store::Committed;
use crate::archive::tables;
use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Record, RecordId, Topic};
use crate::log::format::sidecar::Sidecar;
use crate::log::read::merge::{MergePosition, Place as LogPlace};

const HOUR_US: u64 = 3_600_000_000;

/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 1000;

/// The files of an archive, in the manifest's order.
fn all_files(archive: &Archive) -> Vec<FileEntry> {
    Manifest::snapshot(&archive.source(), &FileFilter::default()).unwrap().unwrap().1
}

/// An archive to which chunks are added.
struct Made {
    _temp: tempfile::TempDir,
    archive: Archive,
    end: Option<MergePosition>,
    offset: u64,
}

impl Made {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (archive, _) = Archive::open(Place::in_data(temp.path()), &|| false).unwrap();
        Self { _temp: temp, archive, end: None, offset: 64 }
    }

    /// Adds a chunk with a record for each of these sessions, all of hour 1.
    fn add(&mut self, sessions: impl IntoIterator<Item = u64>) {
        let mut chunk = Chunk::default();
        for session in sessions {
            let payload: Vec<u8> = (0..PAYLOAD_BYTES as u64).map(|at| (at * session + self.offset) as u8).collect();
            let record = Record {
                id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: self.offset },
                order_us: HOUR_US + self.offset,
                kind: Kind::Batch,
                topic: Topic::Raw,
                data_type: DataType::All,
                encoding: Encoding::Identity,
                session,
                project: 3,
                split: 0,
                label: None,
                flags: Flags::NONE,
                payload_crc: 0,
                ext: Ext(&[]),
                payload: &payload,
            };
            self.offset += 64;
            chunk.add(&record, &Payload { bytes: &payload, kept: None }, &mut EventDecoder::default());
        }
        let cores = [(0, LogPlace { segment: 1, offset: self.offset })].into();
        let to = MergePosition { log: Uuid::nil(), cores, behind: BTreeMap::new() };
        let committed = self.archive.commit(self.end.as_ref(), &to, &chunk.into(), &|| false).unwrap();
        assert!(matches!(committed, Committed::Done(_)));
        self.end = Some(to);
    }

    fn merge_all(&self) -> u64 {
        let mut merges = 0;
        while merge_next(&self.archive, u64::MAX, &|| false).unwrap().is_some() {
            merges += 1;
        }
        merges
    }

    /// The files of `batches`, in the manifest's order.
    fn files(&self) -> Vec<FileEntry> {
        let files = all_files(&self.archive);
        files.into_iter().filter(|file| file.table == "batches").collect()
    }

    /// The rows of `batches` as they stand in these files: session, and id with hash of the payload.
    fn rows(&self) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        for file in self.files() {
            let path = self.archive.place().file(&file.path);
            let mut rows = FileRows::open(&path, tables::batches::BATCHES, &file.blake3).unwrap();
            while let Some(key) = rows.key() {
                let (all, row) = rows.row();
                let value = |name: &str| {
                    let column = all.table().columns.iter().position(|column| column.name == name).unwrap();
                    all.columns()[column].bytes(row).to_owned()
                };
                let id = String::from_utf8(value("record_id")).unwrap();
                found.push((key.session, format!("{id} {}", blake3::hash(&value("payload")).to_hex())));
                rows.advance().unwrap();
            }
        }
        found
    }
}

#[test]
fn a_merged_hour_is_sorted_as_a_whole_and_keeps_each_row() {
    let mut made = Made::new();
    for chunk in 0..40_u64 {
        // Each session has records in many chunks.
        made.add((0..60).map(|record| (record * 7 + chunk) % 50));
    }
    let before: BTreeSet<_> = made.rows().into_iter().collect();
    assert_eq!((made.files().len(), before.len()), (40, 2400));
    assert!(made.merge_all() > 1, "more runs than are merged at once");
    let after = made.rows();
    assert!(after.is_sorted_by_key(|(session, _)| *session), "no session is in two places");
    assert_eq!(after.len(), 2400);
    assert_eq!(after.into_iter().collect::<BTreeSet<_>>(), before);
    let files = made.files();
    assert!(files.len() > 5, "{} files", files.len());
    for file in &files {
        assert!(file.inflated_bytes < FILE_BYTES + GROUP_BYTES, "{} bytes", file.inflated_bytes);
        assert_eq!((&file.from, &file.to, file.merged_from), (&files[0].from, &files[0].to, 40));
    }
    assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 2400);
    let there = made.archive.place().files().unwrap();
    assert_eq!(there.len(), all_files(&made.archive).len(), "the inputs are gone");
}

#[test]
fn a_session_is_in_one_row_group_if_it_is_small_and_no_row_group_is_large() {
    let mut made = Made::new();
    for _ in 0..10 {
        made.add((0..200).map(|record| record % 50));
    }
    made.merge_all();
    let mut groups_of: BTreeMap<i64, u32> = BTreeMap::new();
    for file in made.files() {
        let bytes = fs::read(made.archive.place().file(&file.path)).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let mut rows =
            FileRows::open(&made.archive.place().file(&file.path), tables::batches::BATCHES, &file.blake3).unwrap();
        for group in 0..reader.num_row_groups() {
            let about = reader.metadata().row_group(group);
            assert!(about.total_byte_size().unsigned_abs() < GROUP_BYTES * 2, "{}", about.total_byte_size());
            let sessions: BTreeSet<i64> = (0..about.num_rows())
                .map(|_| {
                    let session = rows.key().unwrap().session;
                    rows.advance().unwrap();
                    session
                })
                .collect();
            sessions.into_iter().for_each(|session| *groups_of.entry(session).or_default() += 1);
        }
    }
    assert_eq!(groups_of.len(), 50);
    // A session has 40 records of 1 kB here, more than a row group takes.
    assert!(groups_of.values().all(|&groups| groups <= 3), "{groups_of:?}");
}

#[test]
fn a_session_larger_than_a_file_stays_in_order() {
    let mut made = Made::new();
    for _ in 0..6 {
        made.add([5; 100]);
    }
    let before = made.rows();
    made.merge_all();
    // One session, and each record later than the one before it.
    assert_eq!(made.rows(), before);
    assert!(made.files().len() > 1);
    // What comes late is merged with it, whatever the number of its files.
    made.add([4, 5, 6]);
    made.merge_all();
    let after = made.rows();
    assert!(after.len() == 603 && after.is_sorted_by_key(|(session, _)| *session));
    assert_eq!(made.files().iter().map(|file| (&file.from, &file.to)).collect::<BTreeSet<_>>().len(), 1);
}

#[test]
fn a_merge_that_is_stopped_or_finds_damage_leaves_the_archive_as_it_was() {
    let mut made = Made::new();
    made.add(0..300);
    made.add(0..300);
    let (files, rows) = (all_files(&made.archive), made.rows());
    assert!(matches!(merge_next(&made.archive, u64::MAX, &|| true), Err(ArchiveError::Stopped)));
    let path = made.archive.place().file(&made.files()[1].path);
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&path, damaged).unwrap();
    // Tables are taken in the order of their names; `batches` comes behind `activity`.
    let found = loop {
        match merge_next(&made.archive, u64::MAX, &|| false) {
            Ok(Some(merged)) => assert!(merged.outputs.iter().all(|file| file.table == "activity")),
            found => break found,
        }
    };
    assert!(matches!(&found, Err(ArchiveError::Damaged { path: named }) if *named == path), "{found:?}");
    fs::write(&path, whole).unwrap();
    assert_eq!(made.rows(), rows);
    let of_batches =
        |files: Vec<FileEntry>| files.into_iter().filter(|file| file.table == "batches").collect::<Vec<_>>();
    assert_eq!(made.files(), of_batches(files));
    assert_eq!(made.archive.place().files().unwrap().len(), all_files(&made.archive).len());
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_other_from_being_merged() {
    let mut made = Made::new();
    (0..3).for_each(|_| made.add(0..100));
    let files = made.files();
    let (damaged, lost) = (made.archive.place().file(&files[1].path), all_files(&made.archive)[0].path.clone());
    let whole = fs::read(&damaged).unwrap();
    fs::write(&damaged, &whole[1..]).unwrap();
    let lost = made.archive.place().file(&lost);
    fs::rename(&lost, lost.with_extension("away")).unwrap();

    let (mut merges, mut faults) = (0, Vec::new());
    loop {
        match merge_next(&made.archive, u64::MAX, &|| false) {
            Ok(Some(_)) => merges += 1,
            Ok(None) => break,
            Err(error) => {
                assert!(made.archive.is_set_aside(&error), "{error}");
                faults.push(error.path().unwrap().to_owned());
            }
        }
    }
    assert_eq!(faults, [lost.clone(), damaged.clone()], "each is told once");
    let runs =
        |files: Vec<FileEntry>| files.into_iter().map(|file| (file.from, file.to)).collect::<BTreeSet<_>>().len();
    assert_eq!((merges, runs(made.files())), (2, 2), "the others were merged");
    assert!(made.archive.set_aside().unwrap().contains("and 1 more file"));

    // They are there again.
    fs::write(&damaged, &whole).unwrap();
    fs::rename(lost.with_extension("away"), &lost).unwrap();
    assert!(merge_next(&made.archive, u64::MAX, &|| false).unwrap().is_none());
    made.archive.forget_set_aside();
    assert_eq!((made.merge_all(), runs(made.files()), made.rows().len()), (2, 1, 300));
}

#[test]
fn what_a_killed_process_left_is_swept_with_the_folders_of_hours_that_are_gone() {
    let mut made = Made::new();
    made.add(0..10);
    let place = made.archive.place().clone();
    let before = place.files().unwrap();
    let leave = |path: &str| {
        place.make_parents(path).unwrap();
        fs::write(place.file(path), b"x").unwrap();
    };
    leave(&Place::relative(tables::batches::BATCHES, Hour(1), 7, 99));
    leave(&format!("{}.tmp", Place::relative(tables::batches::BATCHES, Hour(30), 7, 98)));
    leave("manifest/1970-01-01-97.json");
    leave("manifest/1970-01-02-96.json.tmp");
    made.archive.sweep(&|| false).unwrap();
    let sorted = |mut paths: Vec<String>| {
        paths.sort_unstable();
        paths
    };
    assert_eq!(sorted(place.files().unwrap()), sorted(before));
    assert_eq!(place.lists().unwrap().len(), 1);
    let is_there = |path: &str| place.file(path).exists();
    assert!(is_there("batches/date=1970-01-01/hour=01") && !is_there("batches/date=1970-01-02"));
}

/// What the log says of the segment that all records are from: when they had been received.
fn received(made: &Made, received_us: u64) {
    let sidecar = Sidecar {
        version: 1,
        log: Uuid::nil(),
        core: 0,
        segment: 1,
        bytes: 4096,
        records: 1,
        batches: 1,
        starts: 0,
        payload_bytes: 1,
        first_us: HOUR_US,
        last_us: HOUR_US,
        received_us,
        blake3: String::new(),
        sessions: 0,
        session_ids: Vec::new(),
        sessions_complete: false,
        projects: Vec::new(),
        projectless: 0,
        damage: Vec::new(),
        recovered: false,
        erased: None,
    };
    let dir = made.archive.place().log_dir().join("core-00");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(format!("{:020}.json", 1)), serde_json::to_vec(&sidecar).unwrap()).unwrap();
}

#[test]
fn when_rows_were_received_is_kept_where_order_time_does_not_say_it_also_by_merges_and_rewriting() {
    let mut made = Made::new();
    for (hours, sessions) in [(50, [1, 2]), (30, [3, 4])] {
        received(&made, hours * HOUR_US);
        made.add(sessions);
    }
    let known: Vec<u64> = all_files(&made.archive).iter().map(|file| file.received_by_us() / HOUR_US).collect();
    assert!(known.contains(&50) && known.contains(&30) && known.len() >= 4, "{known:?}");
    assert!(made.merge_all() > 0);
    let merged = all_files(&made.archive);
    assert!(merged.iter().all(|file| file.received_by_us() == 50 * HOUR_US), "the latest of them: {merged:?}");
    let number = made.archive.manifest().unwrap().next_number;
    let rewritten =
        rewrite_file(made.archive.place(), &made.files()[0], number, |rows, row| rows.key(row).session == 1);
    let Rewritten::Smaller { file, .. } = rewritten.unwrap() else { panic!("some are left") };
    assert_eq!(file.received_by_us(), 50 * HOUR_US);
}

#[test]
fn a_merged_file_has_the_range_of_the_log_that_all_its_inputs_are_within() {
    let mut made = Made::new();
    made.add([1, 2]);
    made.add([1, 3]);
    made.add([2, 3]);
    let inputs = all_files(&made.archive);
    assert!(inputs[0].from.is_empty() && !inputs[inputs.len() - 1].from.is_empty(), "the first begins with the log");
    assert!(made.merge_all() > 0);
    for file in all_files(&made.archive) {
        assert!(file.from.is_empty(), "from the log's beginning: {file:?}");
        assert_eq!(file.to[&0], (1, made.offset));
    }
}
