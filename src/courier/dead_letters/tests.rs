use std::time::{Duration, UNIX_EPOCH};

use uuid::Uuid;

use crate::courier::cause::Trouble;
use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Label, Record, RecordId, Topic};

use super::*;

fn letter(offset: u64) -> DeadLetter {
    let record = Record {
        id: RecordId { log: Uuid::from_u128(7), core: 1, segment: 2, offset },
        order_us: 5,
        kind: Kind::Batch,
        topic: Topic::RawAssets,
        data_type: DataType::Assets,
        encoding: Encoding::Gzip,
        session: u64::MAX,
        project: 3,
        split: 9,
        label: Some(Label { page: 1, number: 2 }),
        flags: Flags::HAS_LABEL,
        payload_crc: crc32c::crc32c(b"ext\0payload\n"),
        ext: Ext(b"ext\0"),
        payload: b"payload\n",
    };
    let cause = Cause::new(Trouble::RefusesRecord, "22P02", "wrong\nvalue");
    DeadLetter { time: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123), cause, record: StoredRecord::of(&record) }
}

fn read(letters: &DeadLetters) -> Vec<Line> {
    let mut all = Vec::new();
    letters
        .read(|_, _, line| {
            all.push(line);
            true
        })
        .unwrap();
    all
}

#[test]
fn a_record_comes_back_whole_from_its_file() {
    let data = tempfile::tempdir().unwrap();
    let letters = DeadLetters::of(data.path(), &"courier-test".parse().unwrap());
    assert_eq!(letters.count().unwrap(), 0);
    letters.append(&[letter(64)]).unwrap();
    letters.append(&[letter(128)]).unwrap();
    assert_eq!(read(&letters), [Ok(letter(64)), Ok(letter(128))]);
    let all = DeadLetters::all(data.path()).unwrap();
    assert_eq!(all.iter().map(|one| one.courier().as_str()).collect::<Vec<_>>(), ["courier-test"]);
}

#[test]
fn what_a_crash_left_of_a_line_spoils_no_other_line() {
    let data = tempfile::tempdir().unwrap();
    let letters = DeadLetters::of(data.path(), &"courier-test".parse().unwrap());
    letters.append(&[letter(64)]).unwrap();
    let whole = std::fs::read(letters.path()).unwrap();
    std::fs::write(letters.path(), &whole[..whole.len() / 2]).unwrap();
    letters.append(&[letter(128)]).unwrap();
    let lines = read(&letters);
    assert!(lines[0].is_err(), "{lines:?}");
    assert_eq!(lines[1..], [Ok(letter(128))]);
    assert_eq!(letters.count().unwrap(), 2);
}

#[test]
fn removing_a_line_leaves_the_others_byte_for_byte() {
    let data = tempfile::tempdir().unwrap();
    let letters = DeadLetters::of(data.path(), &"courier-test".parse().unwrap());
    for offset in [64, 128, 192] {
        letters.append(&[letter(offset)]).unwrap();
    }
    let before = std::fs::read_to_string(letters.path()).unwrap();
    let kept: Vec<&str> = before.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
    let removed = letters.edit(|number, _| if number == 2 { Edit::Remove } else { Edit::Keep });
    assert_eq!(removed.unwrap(), 1);
    let after = std::fs::read_to_string(letters.path()).unwrap();
    assert_eq!(after.lines().collect::<Vec<_>>(), kept);
}

#[test]
fn a_line_is_replaced_in_its_place() {
    let data = tempfile::tempdir().unwrap();
    let letters = DeadLetters::of(data.path(), &"courier-test".parse().unwrap());
    let edit = |number, _: &[u8]| if number == 1 { Edit::Replace(Box::new(letter(256))) } else { Edit::Keep };
    assert_eq!(letters.edit(edit).unwrap(), 0, "there is no file yet");
    for offset in [64, 128] {
        letters.append(&[letter(offset)]).unwrap();
    }
    assert_eq!(letters.edit(edit).unwrap(), 0);
    assert_eq!(read(&letters), [Ok(letter(256)), Ok(letter(128))]);
}
