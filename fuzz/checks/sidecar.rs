//! A sidecar of any bytes beside a sound segment: whatever it says, no intact record is hidden, and no wrong one shown.

use std::collections::BTreeSet;
use std::fs;

use super::log::{MARKER, folder, read_all, records_in, sound, write_segment};

use takeup::log::format::sidecar::Sidecar;
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;
use takeup::log::repair::verify::verify;

pub fn check(input: &[u8]) {
    let dir = folder();
    let bytes = sound();
    let segment = write_segment(dir.path(), "seg", &bytes);
    fs::write(segment.with_extension("json"), input).expect("the sidecar");
    let there: BTreeSet<u64> = records_in(&bytes, MARKER).into_keys().collect();
    let sidecar = Sidecar::read(&segment).ok().flatten();
    let read = read_all(dir.path()).expect("a sound segment can be read");
    assert!(read.iter().eq(&there), "whatever a sidecar says, everything intact is read");
    if let Some(sidecar) = &sidecar {
        sidecar.write(&segment).expect("it can be written again");
        assert_eq!(Sidecar::read(&segment).expect("and read").as_ref(), Some(sidecar));
    }
    verify(dir.path(), &mut |_| {}).expect("a wrong sidecar is a fault and not an error");
    let mut merge = Merge::new(LogReader::open(dir.path()).expect("the log"));
    let mut merged = Vec::new();
    while let Some(record) = merge.next().expect("the merge goes on") {
        merged.push(record.id.offset);
    }
    assert_eq!(merged, read);
}
