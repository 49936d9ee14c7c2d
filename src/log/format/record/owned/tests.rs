use super::super::{DataType, Encoding, Flags, Kind, Label, RecordId, Topic};
use super::*;

#[test]
fn a_copy_of_a_record_is_equal_to_it_in_everything() {
    let record = Record {
        id: RecordId { log: uuid::Uuid::from_u128(1), core: 2, segment: 3, offset: 4096 },
        order_us: 5,
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Gzip,
        session: 6,
        project: 7,
        split: 8,
        label: Some(Label { page: 9, number: 10 }),
        flags: Flags::HAS_LABEL,
        payload_crc: 11,
        ext: Ext(b"\x01\x01\x00a"),
        payload: b"what was sent",
    };
    let copy = OwnedRecord::from(&record);
    assert_eq!(copy.as_record(), record);
    assert!(copy.bytes() >= record.ext.0.len() + record.payload.len());
}
