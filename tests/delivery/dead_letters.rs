//! Dead letters on a disk that has no room for them.

use takeup::courier::{Cause, DeadLetters, Edit, StoredRecord, Trouble};
use takeup::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Record, RecordId, Topic};
use uuid::Uuid;

use crate::common::{Disk, DiskKind};

fn letter(payload: &[u8]) -> (StoredRecord, Cause) {
    let record = Record {
        id: RecordId { log: Uuid::from_u128(7), core: 0, segment: 1, offset: 4096 },
        order_us: 1,
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: crc32c::crc32c(payload),
        ext: Ext(&[]),
        payload,
    };
    (StoredRecord::of(&record), Cause::new(Trouble::RefusesRecord, "10", "too large"))
}

#[test]
fn dead_letters_that_find_no_room_leave_nothing_behind_and_are_written_once_when_there_is_some() {
    let Some(disk) = Disk::of(DiskKind::Tmpfs, 1 << 20) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let letters = DeadLetters::of(&disk.path(""), &"courier-test".parse().unwrap());
    let add = |letters_to_add: &[(StoredRecord, Cause)]| runtime.block_on(letters.add(letters_to_add));
    add(&[letter(b"first")]).unwrap();
    let before = std::fs::read(letters.path()).unwrap();
    let filler = disk.path("filler");
    std::fs::write(&filler, vec![0; 512 << 10]).unwrap();
    let several: Vec<_> = (0..6).map(|number| letter(&vec![number; 100_000])).collect();
    for _ in 0..3 {
        add(&several).unwrap_err();
        assert_eq!(std::fs::read(letters.path()).unwrap(), before);
    }
    std::fs::remove_file(&filler).unwrap();
    add(&several).unwrap();

    // Changing the file takes room for another one.
    let filler_bytes = vec![0; 1 << 20];
    std::fs::write(&filler, filler_bytes).unwrap_err();
    letters.edit(|_, _| Edit::Keep).unwrap_err();
    let left: Vec<_> =
        std::fs::read_dir(letters.path().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!left.iter().any(|path| path.extension().is_some_and(|suffix| suffix == "tmp")), "{left:?}");
    let mut found = Vec::new();
    let each = |_, _: &[u8], line: Result<takeup::courier::DeadLetter, String>| {
        found.push(line.unwrap().record.bytes());
        true
    };
    letters.read(each).unwrap();
    assert_eq!(found.len(), 7);
}
