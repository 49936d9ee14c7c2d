use proptest::prelude::*;

use crate::log::read::merge::tests::drain;
use crate::log::read::reader::hand::{HandSegment, temp_dir, write_log_file};

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// From any time, the stream is exactly the part of the whole that is not older; also around holes and large records.
    #[test]
    fn a_merge_since_a_time_hands_out_what_is_not_older(
        records in proptest::collection::vec((0..2u16, 0..4u64, 0..20_000usize, 0..20u8), 1..60),
        since in 0..120u64,
    ) {
        let dir = temp_dir();
        write_log_file(dir.path());
        let mut segments: Vec<HandSegment> = (0..2).map(|core| HandSegment::new(core, 10)).collect();
        let (mut order_us, mut expected) = (100, Vec::new());
        for (at, (core, step, bytes, what)) in records.into_iter().enumerate() {
            order_us += step;
            let segment = &mut segments[usize::from(core)];
            segment.record(order_us, &HandSegment::entry(&vec![at as u8; bytes]));
            expected.push((order_us, core));
            match what {
                0 => {
                    let next = HandSegment::new(core, 1000 + at as u64);
                    std::mem::replace(segment, next).write_sealed(dir.path());
                }
                1..4 => segment.group(),
                _ => {}
            }
        }
        segments.iter().for_each(|segment| drop(segment.write_sealed(dir.path())));
        expected.retain(|&(order_us, _)| order_us >= 90 + since);
        expected.sort_unstable();
        let mut merge = Merge::since(LogReader::open(dir.path()).unwrap(), 90 + since).unwrap();
        prop_assert_eq!(drain(&mut merge), expected);
        prop_assert_eq!(merge.damage(), []);
    }
}

#[test]
fn only_the_neighbourhood_of_the_time_is_read() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 10);
    for order_us in 100..3100 {
        segment.record(order_us, &HandSegment::entry(&[0; 1000]));
    }
    segment.write_sealed(dir.path());
    let segments = LogReader::open(dir.path()).unwrap().segments().unwrap();
    let mut reader = SegmentReader::open(&segments[0]).unwrap();
    let at = reader.seek_before(2000).unwrap().unwrap();
    let first = reader.next().unwrap().unwrap();
    assert_eq!(first.id.offset, at);
    assert!((1900..2000).contains(&first.order_us), "{}", first.order_us);
    assert_eq!(reader.seek_before(100).unwrap(), None);
}
