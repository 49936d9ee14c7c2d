use super::*;

fn header() -> SegmentHeader {
    SegmentHeader {
        core: 2,
        log: Uuid::from_bytes([5; 16]),
        segment: 1_700_000_000_000_000,
        marker: 99,
        segment_bytes: 1 << 20,
    }
}

#[test]
fn a_first_page_reads_back() {
    assert_eq!(SegmentHeader::decode(&header().encode()), Ok(header()));
}

#[test]
fn every_flipped_bit_that_carries_meaning_is_noticed() {
    let sound = header().encode();
    for bit in 0..USED_BYTES * 8 {
        let mut page = sound;
        page[bit / 8] ^= 1 << (bit % 8);
        assert!(SegmentHeader::decode(&page).is_err(), "bit {bit}");
    }
}

#[test]
fn a_newer_version_is_refused_by_its_name() {
    assert_eq!(SegmentHeader::decode(&header().encode_version(2)), Err(PageFault::Version(2)));
}

#[test]
fn short_and_foreign_pages_are_no_first_page() {
    assert_eq!(SegmentHeader::decode(&[]), Err(PageFault::Magic));
    assert_eq!(
        SegmentHeader::decode(b"PNG and so on, and more than sixty bytes of other things......"),
        Err(PageFault::Magic)
    );
}
