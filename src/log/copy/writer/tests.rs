use super::*;

use crate::log::format::record::{DataType, Encoding, Kind, Label, Topic};
use crate::log::read::merge::Merge;
use crate::log::read::reader::{LogReader, SegmentState};
use crate::log::repair::verify::verify;

fn entry(payload: &[u8]) -> Entry<'_> {
    Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::Player,
        encoding: Encoding::Gzip,
        session: 7,
        project: 1,
        split: 0,
        label: Some(Label { page: 0, number: u32::try_from(payload.len()).unwrap() }),
        flags: crate::log::format::record::Flags::NONE,
        ext: b"\x05\x01\x00q",
        payload,
    }
}

/// Times and payloads of all records, in order.
fn records(log: &Path) -> Vec<(u64, Vec<u8>)> {
    let mut merge = Merge::new(LogReader::open(log).unwrap());
    let mut all = Vec::new();
    while let Some(record) = merge.next_settled().unwrap() {
        assert_eq!(
            (record.ext.0, record.label.unwrap().number as usize),
            (&b"\x05\x01\x00q"[..], record.payload.len())
        );
        all.push((record.order_us, record.payload.to_vec()));
    }
    assert_eq!(merge.damage_count(), 0);
    all
}

/// A payload of its own for each number, some larger than a segment.
fn payload(number: u64) -> Vec<u8> {
    let bytes = if number % 17 == 16 { 20_000 } else { number as usize * 7 % 900 };
    (0..bytes).map(|at| (at as u64 * 31 + number) as u8).collect()
}

const SEGMENT: u64 = 16 << 10;

#[test]
fn a_copy_has_what_was_appended_in_sealed_segments_that_verify() {
    let temp = tempfile::tempdir().unwrap();
    let log = temp.path().join("data/log");
    let mut copy = LogCopy::create(&log, SEGMENT).unwrap();
    let expected: Vec<_> = (0..200).map(|number| (1_000_000 + number / 3, payload(number))).collect();
    for (order_us, payload) in &expected {
        copy.append(&entry(payload), *order_us).unwrap();
    }
    copy.finish().unwrap();
    assert_eq!(records(&log), expected);
    let mut segments = 0;
    let summary = verify(&log, &mut |verdict| {
        assert!(verdict.ok() && verdict.state == SegmentState::Sealed, "{verdict:?}");
        segments += 1;
    });
    assert!(segments > 5 && summary.unwrap().ok());
    assert!(LogCopy::create(&log, SEGMENT).is_err(), "there is a log already");
}

#[test]
fn a_time_that_steps_back_is_that_of_the_record_before() {
    let temp = tempfile::tempdir().unwrap();
    let mut copy = LogCopy::create(temp.path(), SEGMENT).unwrap();
    for (order_us, payload) in [(5, "a"), (3, "bb"), (9, "ccc")] {
        copy.append(&entry(payload.as_bytes()), order_us).unwrap();
    }
    copy.finish().unwrap();
    let times: Vec<u64> = records(temp.path()).iter().map(|(order_us, _)| *order_us).collect();
    assert_eq!(times, [5, 5, 9]);
}

#[test]
fn a_copy_that_was_ended_anywhere_goes_on_at_its_durable_end_without_loss_or_repeat() {
    for (synced, written, is_sealed) in [(0, 0, false), (0, 3, false), (5, 5, false), (5, 90, false), (60, 61, true)] {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path();
        let mut copy = LogCopy::create(log, SEGMENT).unwrap();
        let append = |copy: &mut LogCopy, number: u64| copy.append(&entry(&payload(number)), 1000 + number).unwrap();
        (0..synced).for_each(|number| append(&mut copy, number));
        let end = copy.sync().unwrap();
        (synced..written).for_each(|number| append(&mut copy, number));
        if is_sealed {
            copy.finish().unwrap();
        } else {
            copy.sync().unwrap();
            drop(copy);
        }
        let mut copy = LogCopy::resume(log, SEGMENT, &end).unwrap();
        (synced..120).for_each(|number| append(&mut copy, number));
        copy.finish().unwrap();
        let expected: Vec<_> = (0..120).map(|number| (1000 + number, payload(number))).collect();
        assert!(records(log) == expected, "synced {synced}, written {written}");
        assert!(verify(log, &mut |verdict| assert!(verdict.ok(), "{verdict:?}")).unwrap().ok());
    }
}

#[test]
fn nothing_is_removed_from_a_log_that_is_another_or_that_a_server_has_opened() {
    let temp = tempfile::tempdir().unwrap();
    let mut copy = LogCopy::create(temp.path(), SEGMENT).unwrap();
    let end = copy.sync().unwrap();
    copy.append(&entry(b"x"), 5).unwrap();
    copy.finish().unwrap();
    let other = CopyEnd { log: Uuid::new_v4(), ..end.clone() };
    assert!(LogCopy::resume(temp.path(), SEGMENT, &other).unwrap_err().to_string().contains("another log"));
    fs::write(temp.path().join(LOCK_FILE_NAME), b"").unwrap();
    assert!(LogCopy::resume(temp.path(), SEGMENT, &end).unwrap_err().to_string().contains("server"));
    assert_eq!(records(temp.path()).len(), 1);
}
