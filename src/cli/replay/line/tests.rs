use super::*;

use crate::log::format::record::{DataType, Encoding, Ext, ExtWriter, Flags, Kind, Label, RecordId, Topic, ext_type};

#[test]
fn a_line_is_what_serde_makes_of_the_record() {
    let mut other = Vec::new();
    ExtWriter::new(&mut other).push(ext_type::DATA_TYPE, "\u{1b}[31m\"é\\".as_bytes()).unwrap();
    let plain = Record {
        id: RecordId { log: Uuid::from_u128(0x0123_4567_89ab_cdef), core: 0, segment: 1, offset: 4096 },
        order_us: 0,
        kind: Kind::Batch,
        topic: Topic::None,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 0,
        project: 0,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(&[]),
        payload: b"",
    };
    let full = Record {
        id: RecordId { log: Uuid::max(), core: u16::MAX, segment: u64::MAX, offset: u64::MAX },
        order_us: u64::MAX,
        kind: Kind::Recording,
        topic: Topic::CanvasImages,
        data_type: DataType::Visual,
        encoding: Encoding::Br,
        session: u64::MAX,
        project: u32::MAX,
        split: u32::MAX,
        label: Some(Label { page: 0, number: u32::MAX }),
        flags: Flags(0xffff),
        payload_crc: 1,
        ext: Ext(b"\x05\x01\x00q"),
        payload: b"\x00\x01\xfe\xff\x80",
    };
    let one_flag = Record { flags: Flags::JUST_EXPIRED, payload: b"a", ..plain };
    let unknown = Record { data_type: DataType::Other, ext: Ext(&other), payload: b"ab", ..full };
    for record in [plain, full, one_flag, unknown] {
        let (mut line, mut expected) = (Vec::new(), Vec::new());
        put_line(&record, &mut line).unwrap();
        write_json(&mut expected, &RecordJson::of(&record)).unwrap();
        expected.push(b'\n');
        assert_eq!(String::from_utf8_lossy(&line), String::from_utf8_lossy(&expected));
    }
}
