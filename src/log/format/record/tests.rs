use proptest::prelude::*;

use uuid::Uuid;

use super::*;

const MARKER: u64 = 0x1234_5678_9abc_def1;

fn entry<'a>(ext: &'a [u8], payload: &'a [u8]) -> Entry<'a> {
    Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::Visual,
        encoding: Encoding::Gzip,
        session: 77,
        project: 5,
        split: 9,
        label: Some(Label { page: 3, number: 4 }),
        flags: Flags::MAY_BE_SPLIT,
        ext,
        payload,
    }
}

#[test]
fn header_has_the_layout_of_the_specification() {
    let bytes = RecordHeader::encode(&entry(b"ex", b"payload"), MARKER, 8192, 1_000_001);
    assert_eq!(u64_at(&bytes, 0), MARKER);
    assert_eq!(u32_at(&bytes, 12), crc32c::crc32c(b"expayload"));
    assert_eq!(u32_at(&bytes, 16), 7);
    assert_eq!(u32_at(&bytes, 20), 128);
    assert_eq!(u64_at(&bytes, 24), 1_000_001);
    assert_eq!(u64_at(&bytes, 32), 77);
    assert_eq!([40, 44, 48, 52].map(|at| u32_at(&bytes, at)), [5, 9, 3, 4]);
    assert_eq!(bytes[56..64], [1, 1, 5, 1, 1 | 8, 0, 2, 0]);
    let mut zeroed = bytes;
    zeroed[8..12].fill(0);
    assert_eq!(u32_at(&bytes, 8), crc32c::crc32c(&zeroed));
}

#[test]
fn every_flipped_bit_of_a_header_is_noticed() {
    let sound = RecordHeader::encode(&entry(b"", b"payload"), MARKER, 4096, 1);
    assert!(RecordHeader::decode(&sound, MARKER).is_ok());
    for bit in 0..HEADER_BYTES * 8 {
        let mut bytes = sound;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(RecordHeader::decode(&bytes, MARKER).is_err(), "bit {bit}");
    }
}

#[test]
fn a_header_of_another_segment_is_no_header() {
    let bytes = RecordHeader::encode(&entry(b"", b""), MARKER, 4096, 1);
    assert_eq!(RecordHeader::decode(&bytes, MARKER + 1), Err(HeaderFault::Marker));
    assert_eq!(RecordHeader::decode(&[0; HEADER_BYTES], MARKER), Err(HeaderFault::Blank));
}

#[test]
fn a_pad_skips_without_a_body() {
    let bytes = RecordHeader::encode_pad(4096 - 128, MARKER, 4096, 7);
    let header = RecordHeader::decode(&bytes, MARKER).unwrap();
    assert_eq!((header.kind, header.stored_bytes(), header.body_bytes()), (Kind::Pad, 4096 - 64, 0));
}

#[test]
fn codes_and_texts_agree() {
    for &kind in Kind::ALL {
        assert_eq!((Kind::from_u8(kind as u8), kind.as_str().parse()), (Some(kind), Ok(kind)));
    }
    for &topic in Topic::ALL {
        assert_eq!((Topic::from_u8(topic as u8), topic.as_str().parse()), (Some(topic), Ok(topic)));
    }
    for &data_type in DataType::ALL {
        assert_eq!((DataType::from_u8(data_type as u8), data_type.as_str().parse()), (Some(data_type), Ok(data_type)));
    }
    for &encoding in Encoding::ALL {
        assert_eq!((Encoding::from_u8(encoding as u8), encoding.as_str().parse()), (Some(encoding), Ok(encoding)));
    }
    assert_eq!(Kind::from_u8(0), None);
    assert!("nonsense".parse::<Topic>().is_err());
}

#[test]
fn an_extension_gives_back_what_was_put_in_and_skips_the_unknown() {
    let mut buffer = vec![9];
    let mut ext = ExtWriter::new(&mut buffer);
    ext.push(200, b"from the future").unwrap();
    ext.push_wall_time_ms(1_700_000_000_123).unwrap();
    ext.push_query(&[b'q'; 300]).unwrap();
    assert_eq!(ext.push(1, &[0; EXT_BYTES_MAX]), Err(ExtFull));
    let ext = Ext(&buffer);
    assert_eq!(ext.wall_time_ms(), Some(1_700_000_000_123));
    assert_eq!(ext.get(ext_type::QUERY), Some(&[b'q'; QUERY_BYTES_MAX][..]));
    assert_eq!(ext.get(ext_type::FILE_NAME), None);
    assert_eq!(ext.count(), 3);
    assert_eq!(Ext(&buffer[..buffer.len() - 1]).count(), 2, "a cut entry is left out");
}

#[test]
fn a_record_id_reads_back() {
    let id = RecordId { log: Uuid::from_bytes([7; 16]), core: 3, segment: 1_700_000_000_000_000, offset: 4096 };
    let text = id.to_string();
    assert_eq!(text, "07070707-0707-0707-0707-070707070707/3/1700000000000000/4096");
    assert_eq!(text.parse(), Ok(id));
    for bad in ["", "x", "07070707-0707-0707-0707-070707070707/3/17", "07070707-0707-0707-0707-070707070707/3/17/1/1"] {
        assert_eq!(bad.parse::<RecordId>(), Err(BadRecordId), "{bad}");
    }
}

proptest! {
    #[test]
    fn headers_read_back(
        order_us: u64, session: u64, project: u32, split: u32, page: u32, number: u32, flags in 0u16..16,
        ext in proptest::collection::vec(any::<u8>(), 0..100), payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut given = entry(&ext, &payload);
        (given.session, given.project, given.split) = (session, project, split);
        given.flags = Flags(flags & !1);
        given.label = (flags & 1 != 0).then_some(Label { page, number });
        let header = RecordHeader::decode(&RecordHeader::encode(&given, MARKER, 64 * 99, order_us), MARKER).unwrap();
        prop_assert_eq!(header.stored_bytes(), given.stored_bytes() as u64);
        prop_assert_eq!((header.order_us, header.session, header.project), (order_us, session, project));
        prop_assert_eq!((header.split, header.label(), header.flags), (split, given.label, Flags(flags)));
        prop_assert_eq!((header.durable_bytes(), header.body_bytes()), (64 * 99, ext.len() + payload.len()));
        prop_assert_eq!(header.to_bytes(), RecordHeader::encode(&given, MARKER, 64 * 99, order_us));
    }

    #[test]
    fn arbitrary_extensions_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Ext(&bytes).count() <= bytes.len());
    }
}
