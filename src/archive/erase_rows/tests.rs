use super::*;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;

use uuid::Uuid;

use crate::archive::chunk::Chunk;
use crate::archive::decode::EventDecoder;
use crate::archive::merge_files::merge_next;
use crate::archive::payload::Payload;
use crate::archive::store::{Archive, Committed, Rows};
use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Record, RecordId, Topic};
use crate::log::read::merge::MergePosition;

const BEGAN_US: u64 = 500_000 * 3_600_000_000;

fn user(session: u64) -> String {
    format!("user-{session:04}")
}

/// A chunk of one batch that names a user for each of these sessions.
fn chunk(sessions: &[u64]) -> Rows {
    let mut chunk = Chunk::default();
    for (&session, at) in sessions.iter().zip(0..) {
        let user = user(session);
        let payload = [&[81, 1, 0, 0, 2, 1, b'a', 28, user.len() as u8, 0, 0, 9][..], user.as_bytes()].concat();
        let record = Record {
            id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: 64 * at },
            order_us: BEGAN_US + at,
            kind: Kind::Batch,
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            session,
            project: 7,
            split: 0,
            label: None,
            flags: Flags::NONE,
            payload_crc: 0,
            ext: Ext(&[]),
            payload: &payload,
        };
        chunk.add(&record, &Payload { bytes: &payload, kept: None }, &mut EventDecoder::default());
    }
    Rows::from(chunk)
}

fn end() -> MergePosition {
    MergePosition { log: Uuid::nil(), cores: BTreeMap::new(), behind: BTreeMap::new() }
}

fn archive(temp: &tempfile::TempDir, sessions: &[u64]) -> Archive {
    let (archive, _) = Archive::open(Place::in_data(temp.path()), &|| false).unwrap();
    assert!(matches!(archive.commit(None, &end(), &chunk(sessions), &|| false).unwrap(), Committed::Done(_)));
    archive
}

fn erase(archive: &Archive, sessions: &[u64], dry_run: bool) -> ErasedRows {
    erase_rows(archive.place(), &|session, _| sessions.contains(&session), dry_run, &|| false).unwrap()
}

/// The sessions of `batches`, as its files have them.
fn sessions(archive: &Archive) -> Vec<i64> {
    let (_, files) = Manifest::snapshot(&archive.source(), &FileFilter::default().table("batches")).unwrap().unwrap();
    let mut all = Vec::new();
    for file in files {
        let mut rows = TableBuffer::new(table_of(archive.place(), &file).unwrap());
        read_entry(archive.place(), &file, &mut rows).unwrap();
        all.extend((0..rows.rows()).map(|row| rows.key(row).session));
    }
    all.sort_unstable();
    all
}

/// Whether a file below the archive's folder has these bytes, or the id of the session, as a number in any form.
fn is_anywhere(archive: &Archive, session: u64) -> bool {
    let (place, manifest) = (archive.place(), archive.manifest().unwrap());
    let texts = [user(session).into_bytes(), session.to_le_bytes().to_vec(), session.to_string().into_bytes()];
    let has = |bytes: &[u8]| texts.iter().any(|text| bytes.windows(text.len()).any(|part| part == text));
    let mut paths: Vec<_> = place.files().unwrap().into_iter().chain(place.lists().unwrap()).collect();
    paths.push("manifest.json".into());
    let source = archive.source();
    let in_rows = manifest.files(&source, &FileFilter::default()).any(|file| {
        let file = file.unwrap();
        let mut rows = TableBuffer::new(table_of(place, &file).unwrap());
        read_entry(place, &file, &mut rows).unwrap();
        (0..rows.rows()).any(|row| rows.key(row).session == session.cast_signed())
    });
    in_rows || paths.iter().any(|path| has(&fs::read(place.file(path)).unwrap()))
}

const IDS: [u64; 4] =
    [2_691_351_900_602_760_960, 2_691_351_900_602_760_961, 2_691_351_900_602_760_962, 1_111_222_333_444_555_666];

#[test]
fn nothing_of_an_erased_session_is_left_whether_it_was_the_smallest_or_the_largest_or_the_only_one() {
    for erased in [&IDS[3..], &IDS[2..3], &IDS[..1], &IDS[..3], &IDS] {
        let temp = tempfile::tempdir().unwrap();
        let archive = archive(&temp, &IDS);
        assert!(IDS.iter().all(|&id| is_anywhere(&archive, id)));
        let done = erase(&archive, erased, false);
        assert!(done.rows >= erased.len() as u64 && done.unreadable.is_empty(), "{done:?}");
        for id in IDS {
            assert_eq!(is_anywhere(&archive, id), !erased.contains(&id), "{id} of {erased:?}");
        }
        let mut left: Vec<i64> = IDS.iter().filter(|id| !erased.contains(id)).map(|id| id.cast_signed()).collect();
        left.sort_unstable();
        assert_eq!(sessions(&archive), left);
        assert_eq!(archive.manifest().unwrap().to, Some(end()), "nothing is compacted again");
        assert_eq!(erase(&archive, erased, false).rows, 0);
    }
}

#[test]
fn a_dry_run_counts_the_same_and_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &IDS);
    let before = archive.manifest().unwrap();
    let told = erase(&archive, &IDS[..1], true);
    assert_eq!(archive.manifest().unwrap(), before);
    let done = erase(&archive, &IDS[..1], false);
    assert_eq!((told.files, told.files_changed, told.rows), (done.files, done.files_changed, done.rows));
}

#[test]
fn a_chunk_that_was_begun_before_an_erasure_is_dropped_once() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &IDS[..1]);
    let begun = chunk(&IDS[1..]);
    erase(&archive, &IDS[1..2], false);
    let committed = archive.commit(Some(&end()), &end(), &begun, &|| false).unwrap();
    assert!(matches!(committed, Committed::Moved(ends) if ends.to() == Some(&end())));
    assert_eq!(sessions(&archive), [IDS[0].cast_signed()]);
    let again = chunk(&IDS[2..]);
    assert!(matches!(archive.commit(Some(&end()), &end(), &again, &|| false).unwrap(), Committed::Done(_)));
}

#[test]
fn a_damaged_file_is_told_and_left_and_the_rest_is_erased() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &IDS);
    let (_, files) = Manifest::snapshot(&archive.source(), &FileFilter::default().table("events")).unwrap().unwrap();
    let path = archive.place().file(&files[0].path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let done = erase(&archive, &IDS[..1], false);
    assert_eq!(done.unreadable.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), std::slice::from_ref(&path));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(sessions(&archive).len(), 3);
}

#[test]
fn what_a_crash_left_beside_the_manifest_goes() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &IDS);
    let (_, files) = Manifest::snapshot(&archive.source(), &FileFilter::default()).unwrap().unwrap();
    let old: Vec<_> = files.iter().map(|file| fs::read(archive.place().file(&file.path)).unwrap()).collect();
    erase(&archive, &IDS[..1], false);
    for (file, bytes) in files.iter().zip(old) {
        fs::write(archive.place().file(&file.path), bytes).unwrap();
    }
    erase(&archive, &IDS[..1], false);
    assert!(!is_anywhere(&archive, IDS[0]));
}

#[test]
fn nothing_is_erased_while_somebody_else_has_the_archives_lock() {
    // How often it asks whether to stop: once more while it waits for the lock, which is given up then.
    let asked = |is_locked: bool| {
        let temp = tempfile::tempdir().unwrap();
        let archive = archive(&temp, &IDS);
        let lock = is_locked.then(|| ArchiveLock::take(archive.place(), &|| false).unwrap());
        let (lock, count) = (RefCell::new(lock), Cell::new(0));
        let is_stopping = || {
            count.set(count.get() + 1);
            assert!(lock.take().is_none() || is_anywhere(&archive, IDS[0]));
            false
        };
        erase_rows(archive.place(), &|session, _| session == IDS[0], false, &is_stopping).unwrap();
        assert!(!is_anywhere(&archive, IDS[0]));
        count.get()
    };
    assert_eq!(asked(true), asked(false) + 1);
}

#[test]
fn the_lock_is_free_while_files_are_looked_into_and_one_that_is_merged_meanwhile_is_erased_from() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &IDS);
    // Of another range of the log, so that there is something to merge.
    let behind = crate::log::read::merge::Place { segment: 1, offset: 4096 };
    let to = MergePosition { cores: [(0, behind)].into(), ..end() };
    assert!(matches!(archive.commit(Some(&end()), &to, &chunk(&IDS), &|| false).unwrap(), Committed::Done(_)));
    let (looks, merged) = (Cell::new(0), Cell::new(0));
    let wanted = |session: u64, _: u32| {
        if looks.replace(looks.get() + 1) == 0 {
            assert!(ArchiveLock::try_take(&archive.place().lock()).unwrap().is_some(), "nobody has the lock");
            while merge_next(&archive, u64::MAX, &|| false).unwrap().is_some() {
                merged.set(merged.get() + 1);
            }
        }
        session == IDS[0]
    };
    let erased = erase_rows(archive.place(), &wanted, false, &|| false).unwrap();
    assert!(merged.get() > 0);
    assert!(erased.rows > 0 && erased.unreadable.is_empty(), "{erased:?}");
    assert!(!is_anywhere(&archive, IDS[0]));
    let others = IDS[1..].iter().flat_map(|id| [id.cast_signed(); 2]);
    let mut others: Vec<i64> = others.collect();
    others.sort_unstable();
    assert_eq!(sessions(&archive), others);
}

#[test]
fn the_lock_is_given_up_between_a_few_files_and_the_next() {
    let temp = tempfile::tempdir().unwrap();
    let archive = archive(&temp, &IDS);
    for _ in 0..4 {
        archive.commit(Some(&end()), &end(), &chunk(&IDS), &|| false).unwrap();
    }
    let (free, was_held) = (Cell::new(0), Cell::new(false));
    let is_stopping = || {
        let is_held = ArchiveLock::try_take(&archive.place().lock()).unwrap().is_none();
        free.set(free.get() + usize::from(was_held.replace(is_held) && !is_held));
        false
    };
    let erased = erase_rows(archive.place(), &|session, _| session == IDS[0], false, &is_stopping).unwrap();
    assert!(erased.files_changed > 2 * FILES_AT_ONCE as u64, "{erased:?}");
    assert!(free.get() > 1);
    assert!(!is_anywhere(&archive, IDS[0]));
    assert_eq!(erase(&archive, &IDS[..1], false).rows, 0);
}
