use crate::log::format::record::Entry;
use crate::log::read::reader::hand::{HandSegment, temp_dir, write_log_file};

use super::*;

const PERSON: u64 = 77_777;

fn segment() -> HandSegment {
    let mut segment = HandSegment::new(0, 1_000);
    for number in 0..10u64 {
        let session = if number % 2 == 0 { PERSON } else { 5 };
        let payload = format!("words of {session}, number {number}");
        segment.record(1_000 + number, &Entry { session, ..HandSegment::entry(payload.as_bytes()) });
    }
    segment.group();
    segment
}

fn erase(dir: &Path, dry_run: bool) -> Vec<AsideFile> {
    erase_aside(dir, &|session, _| session == PERSON, dry_run).unwrap()
}

fn contains(path: &Path, needle: &str) -> bool {
    fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn records_in_a_whole_file_and_in_a_damaged_stretch_are_erased_and_the_rest_stays() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let segment = segment();
    segment.write_sealed(dir.path());
    let aside = dir.path().join(QUARANTINE_DIR_NAME);
    fs::create_dir(&aside).unwrap();
    let whole = aside.join("core-00-00000000000000009999.open");
    fs::write(&whole, &segment.bytes).unwrap();
    let part = aside.join("core-00-00000000000000001000-4096.bytes");
    fs::write(&part, &segment.bytes[4096..]).unwrap();
    fs::write(aside.join("core-00-x.bytes.report.json"), b"{}").unwrap();
    fs::write(aside.join("core-00-y.bytes.erase.tmp"), b"words of 77777").unwrap();

    let dry = erase(dir.path(), true);
    assert!(contains(&whole, "words of 77777"));
    let erased = erase(dir.path(), false);
    assert_eq!(erased, dry);
    assert_eq!(erased.len(), 2);
    for (found, path) in erased.iter().zip([&part, &whole]) {
        assert_eq!((&found.path, found.records, found.unreadable_bytes), (path, 5, 0));
        assert!(!contains(path, "words of 77777") && contains(path, "words of 5"));
    }
    assert!(!aside.join("core-00-y.bytes.erase.tmp").exists());
    assert_eq!(erase(dir.path(), false), [], "nothing is left");
}

#[test]
fn what_cannot_be_attributed_stays_and_is_told() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let segment = segment();
    let aside = dir.path().join(QUARANTINE_DIR_NAME);
    fs::create_dir(&aside).unwrap();
    // Of a segment that is not there, so that its marker is not known.
    let part = aside.join("core-00-00000000000000001000-4096.bytes");
    fs::write(&part, &segment.bytes[4096..]).unwrap();
    let found = erase(dir.path(), false);
    assert_eq!((found.len(), found[0].records), (1, 0));
    assert!(found[0].unreadable_bytes > 0);
    assert_eq!(fs::read(&part).unwrap(), &segment.bytes[4096..]);
}
