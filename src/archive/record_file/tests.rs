use super::*;

use crate::archive::encode::ColumnEncoder;
use crate::archive::rows::TableBuffer;
use crate::archive::tables::batches::{BATCHES, BatchRow, KeptAsReceived, RecordRow};
use crate::archive::write_file::{FileMeta, write_file};

fn record<'a>(number: u64, ext: &'a [u8], payload: &'a [u8]) -> Record<'a> {
    Record {
        id: RecordId { log: Uuid::from_u128(9), core: 3, segment: u64::MAX, offset: number * 64 },
        order_us: 1_795_581_300_416_378 + number,
        kind: if number.is_multiple_of(2) { Kind::Batch } else { Kind::Sdk },
        topic: Topic::RawAnalytics,
        data_type: DataType::Visual,
        encoding: Encoding::Gzip,
        session: u64::MAX - number % 7,
        project: 1 + (number % 2) as u32,
        split: (number % 3) as u32,
        label: (number.is_multiple_of(2)).then_some(Label { page: 5, number: number as u32 }),
        flags: Flags::MAY_BE_SPLIT.with(if number.is_multiple_of(2) { Flags::HAS_LABEL } else { Flags::NONE }),
        payload_crc: crc32c::crc32c_append(crc32c::crc32c(ext), payload),
        ext: Ext(ext),
        payload,
    }
}

const RECORDS: u64 = 200;

fn is_kept(number: u64) -> bool {
    number.is_multiple_of(5)
}

fn payload(number: u64) -> Vec<u8> {
    (0..number * 13 % 400).map(|at| (at * number) as u8).collect()
}

fn ext(number: u64) -> &'static [u8] {
    if number.is_multiple_of(4) { b"" } else { b"\x05\x01\x00q" }
}

/// The bytes of a file with all of them, in several row groups.
fn file() -> Vec<u8> {
    let mut rows = TableBuffer::new(BATCHES);
    for number in 0..RECORDS {
        let (payload, ext) = (payload(number), ext(number));
        rows.push(&BatchRow(RecordRow {
            record: &record(number, ext, &payload),
            client: Some("web"),
            payload: &payload,
            kept_as_received: is_kept(number).then_some(KeptAsReceived::TooLarge),
            client_us: None,
            events_fault: None,
        }));
    }
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a.parquet");
    let meta = FileMeta { log: String::new(), from: String::new(), to: String::new() };
    write_file(&mut ColumnEncoder::default(), &rows, 30_000, &meta, &path).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_record_is_read_as_it_was_but_for_the_compression_of_its_payload() {
    let path = Path::new("a.parquet");
    let file = RecordFile::open(path, Bytes::from(file())).unwrap();
    assert!(file.groups() > 2);
    let mut found = 0;
    for group in 0..file.groups() {
        let range = file.range(group);
        let records = file.read(path, group).unwrap();
        assert_eq!(records.len() as u64, range.rows);
        for read in records {
            let number = read.head.id.offset / 64;
            let expected = payload(number);
            let mut original = record(number, ext(number), &expected);
            if !is_kept(number) {
                original.encoding = Encoding::Identity;
            }
            assert_eq!(Record { ext: Ext(&read.ext), payload: &read.payload, ..read.head }, original);
            assert!(range.sessions.as_ref().unwrap().contains(&original.session.cast_signed()));
            assert!(range.projects.as_ref().unwrap().contains(&i64::from(original.project)));
            found += 1;
        }
    }
    assert_eq!(found, RECORDS);
}

#[test]
fn a_file_with_any_byte_changed_is_read_or_refused_and_ends_nothing() {
    let path = Path::new("a.parquet");
    let whole = file();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        match RecordFile::open(path, Bytes::from(bytes)) {
            Err(_) => refused += 1,
            Ok(file) => refused += (0..file.groups()).filter(|group| file.read(path, *group).is_err()).count(),
        }
    }
    assert!(refused > 20, "{refused}");
    for bytes in [Vec::new(), whole[..whole.len() / 2].to_vec(), vec![0; 1000]] {
        assert!(RecordFile::open(path, Bytes::from(bytes)).is_err());
    }
}
