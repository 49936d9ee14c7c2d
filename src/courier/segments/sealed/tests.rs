use uuid::Uuid;

use crate::log::cursor::Cursors;
use crate::log::erase::{Erasing, erase_segment};
use crate::log::read::reader::LogReader;
use crate::log::read::reader::hand::{HandSegment, temp_dir, write_log_file};

use super::*;

#[test]
fn a_segment_from_which_records_were_erased_since_it_was_listed_is_read_as_it_is() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 1000);
    segment.batch(1001, 7, b"a person's");
    segment.batch(1002, 8, b"another's");
    segment.group();
    segment.write_sealed(dir.path());
    let reader = LogReader::open(dir.path()).unwrap();
    let listed = reader.segments().unwrap().remove(0);
    let stamp = listed.stamp();
    let mut erasing = Erasing {
        wanted: &|session, _| session == 7,
        receipt: Uuid::from_u128(1),
        unix_seconds: 9,
        dry_run: false,
        found: &mut |_| {},
    };
    assert_eq!(erase_segment(&listed, &Cursors::of(&reader), &mut erasing).unwrap().records, 1);
    assert_ne!(listed.stamp(), stamp);
    let segment = SealedSegment::open(&listed).unwrap();
    let bytes = segment.read(0, segment.bytes as usize).unwrap();
    assert_eq!(blake3::hash(&bytes).to_hex().as_str(), segment.blake3());
}
