//! The inputs that fuzzing has kept (`fuzz/corpus`), run with a stable compiler, so that no bug that it found comes back.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks/batch.rs"]
mod batch;
#[path = "../fuzz/checks/cursor.rs"]
mod cursor;
#[path = "../fuzz/checks/log.rs"]
mod log;
#[path = "../fuzz/checks/record.rs"]
mod record;
#[path = "../fuzz/checks/segment.rs"]
mod segment;
#[path = "../fuzz/checks/sidecar.rs"]
mod sidecar;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut ran = 0;
    for file in files {
        let path = file.expect("an entry").path();
        println!("{}", path.display());
        check(&fs::read(path).expect("an input"));
        ran += 1;
    }
    assert!(ran > 0, "{} is empty", folder.display());
    check(&[]);
}

#[test]
fn the_corpus_of_batches_passes() {
    replay("batch", batch::check);
}

#[test]
fn the_corpus_of_cursors_passes() {
    replay("cursor", cursor::check);
}

#[test]
fn the_corpus_of_records_passes() {
    replay("record", record::check);
}

#[test]
fn the_corpus_of_segments_passes() {
    replay("segment", segment::check);
}

#[test]
fn the_corpus_of_sidecars_passes() {
    replay("sidecar", sidecar::check);
}
