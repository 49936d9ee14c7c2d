//! A consumer's place of any bytes: the merge goes on from it, skips what it can't believe, and never hands out a wrong record.

use super::log::{LOG, MARKER, folder, records_in, sound, write_segment};

use takeup::log::read::merge::{Merge, MergePosition};
use takeup::log::read::reader::LogReader;

pub fn check(input: &[u8]) {
    let Ok(position) = serde_json::from_slice::<MergePosition>(input) else { return };
    let text = serde_json::to_vec(&position).expect("it can be written");
    assert_eq!(serde_json::from_slice::<MergePosition>(&text).expect("and read"), position);
    let dir = folder();
    let bytes = sound();
    write_segment(dir.path(), "seg", &bytes);
    let there = records_in(&bytes, MARKER);
    let open = || LogReader::open(dir.path()).expect("the log");
    assert!(position.log == LOG || Merge::resume(open(), &position).is_err(), "a place in another log is refused");
    let position = MergePosition { log: LOG, ..position };
    let mut merge = Merge::resume(open(), &position).expect("a place in this log");
    let mut last = 0;
    while let Some(record) = merge.next().expect("the merge goes on") {
        assert!(there.contains_key(&record.id.offset) && record.id.offset > last);
        last = record.id.offset;
        let after = merge.position();
        let mut rest = Merge::resume(open(), &after).expect("its own place");
        let next = rest.next().expect("the merge goes on").map(|record| record.id.offset);
        assert_eq!(next, there.range(last + 1..).next().map(|(offset, _)| *offset), "no gap and no repeat");
    }
}
