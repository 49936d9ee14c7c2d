use crate::log::format::record::{DataType, Encoding, Ext, Flags, Label, RecordId, Topic};

use super::*;

fn record<'a>(ext: &'a [u8], payload: &'a [u8]) -> Record<'a> {
    Record {
        id: RecordId { log: uuid::Uuid::nil(), core: 0, segment: 1, offset: 64 },
        order_us: 77,
        kind: Kind::Batch,
        topic: Topic::RawAssets,
        data_type: DataType::Visual,
        encoding: Encoding::Br,
        session: u64::MAX,
        project: 9,
        split: 33,
        label: Some(Label { page: 1, number: 2 }),
        flags: Flags::HAS_LABEL.with(Flags::JUST_EXPIRED),
        payload_crc: 0,
        ext: Ext(ext),
        payload,
    }
}

#[test]
fn records_come_out_as_they_went_in() {
    let mut bytes = Vec::new();
    let first = record(b"ext", b"payload");
    write_framed(&first, &mut bytes);
    write_framed(&record(b"", b""), &mut bytes);
    write_framed(&Record { kind: Kind::Tombstone, ..first }, &mut bytes);
    let read: Vec<Entry<'_>> = read_framed(&bytes).collect::<Result<_, _>>().unwrap();
    assert_eq!(read.len(), 2);
    let entry = read[0];
    assert_eq!((entry.kind, entry.topic, entry.data_type), (first.kind, first.topic, first.data_type));
    assert_eq!((entry.encoding, entry.session, entry.project), (first.encoding, first.session, first.project));
    assert_eq!((entry.split, entry.label, entry.flags), (first.split, first.label, first.flags));
    assert_eq!((entry.ext, entry.payload), (&b"ext"[..], &b"payload"[..]));
    assert_eq!((read[1].ext, read[1].payload), (&b""[..], &b""[..]));
}

#[test]
fn a_flipped_bit_or_a_missing_byte_is_always_found() {
    let mut bytes = Vec::new();
    write_framed(&record(b"ext", b"payload"), &mut bytes);
    let is_whole = |bytes: &[u8]| read_framed(bytes).all(|entry| entry.is_ok());
    assert!(is_whole(&bytes));
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert!(!is_whole(&flipped), "byte {at}");
        assert!(at == 0 || !is_whole(&bytes[..at]), "{at} bytes");
    }
}
