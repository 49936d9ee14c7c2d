use std::fs::OpenOptions;
use std::path::Path;

use uuid::Uuid;

use crate::log::format::header::SegmentHeader;

use super::*;

fn plan(dir: &Path, format_ahead: bool) -> Plan<'_> {
    let disk = crate::log::disk::calls::REAL;
    Plan { disk, dir, log: Uuid::nil(), core: 3, id: 77, bytes: 64 << 10, of_spare: false, direct: false, format_ahead }
}

#[test]
fn a_new_segment_is_whole_and_only_its_first_page_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let pen = Segment::create(&plan(dir.path(), true)).unwrap();
    let segment = pen.segment();
    let bytes = std::fs::read(&segment.path).unwrap();
    assert_eq!(bytes.len() as u64, segment.bytes);
    let header = SegmentHeader::decode(&bytes[..4096]).unwrap();
    assert_eq!((header.core, header.segment, header.marker, header.segment_bytes), (3, 77, segment.marker, 64 << 10));
    assert!(bytes[4096..].iter().all(|&byte| byte == 0));
    assert_eq!((segment.ready(), segment.formatted()), (PAGE_BYTES, PAGE_BYTES));
}

#[test]
fn the_window_stays_within_what_is_formatted() {
    let dir = tempfile::tempdir().unwrap();
    let pen = Segment::create(&plan(dir.path(), true)).unwrap();
    let segment = pen.segment();
    assert!(!segment.extend_ready(32 << 10, PAGE_BYTES).unwrap());
    assert_eq!(segment.format(16 << 10).unwrap(), PAGE_BYTES + (16 << 10));
    assert!(segment.extend_ready(32 << 10, PAGE_BYTES).unwrap());
    assert_eq!(segment.ready(), PAGE_BYTES + (16 << 10));
    while segment.format(16 << 10).unwrap() < segment.bytes {}
    segment.extend_ready(u64::MAX, PAGE_BYTES).unwrap();
    assert_eq!(segment.ready(), segment.bytes);
    segment.leave();
    assert!(segment.is_left() && !segment.extend_ready(u64::MAX, PAGE_BYTES).unwrap());
}

#[test]
fn a_segment_that_is_not_formatted_ahead_is_ready_to_be_populated() {
    let dir = tempfile::tempdir().unwrap();
    let pen = Segment::create(&plan(dir.path(), false)).unwrap();
    assert!(pen.segment().extend_ready(32 << 10, PAGE_BYTES).unwrap());
    assert_eq!(pen.segment().ready(), 32 << 10);
}

#[test]
fn pages_are_touched_without_changing_them_where_the_kernel_can_not_populate() {
    let dir = tempfile::tempdir().unwrap();
    let mut pen = Segment::create(&plan(dir.path(), true)).unwrap();
    pen.write(8192, b"written before");
    let Medium::Mapped { map, .. } = &pen.segment().medium else { panic!("it is mapped") };
    touch(map, 4096, 64 << 10);
    let bytes = std::fs::read(&pen.segment().path).unwrap();
    assert_eq!(&bytes[8192..8206], b"written before");
}

#[test]
fn the_first_failed_sync_is_final() {
    let dir = tempfile::tempdir().unwrap();
    let mut pen = Segment::create(&plan(dir.path(), true)).unwrap();
    let segment = Arc::clone(pen.segment());
    segment.set_cursor(12288);
    segment.sync(4096, 8192, None).unwrap();
    assert_eq!(segment.durable(), 8192);
    segment.syncs_to_fail.store(1, Ordering::SeqCst);
    assert_eq!(segment.sync(8192, 12288, None), Err(Fault::Sync(libc::EIO)));
    assert_eq!(segment.sync(8192, 12288, None), Err(Fault::Sync(libc::EIO)), "a later success is not believed");
    assert_eq!(pen.probe(), Err(Fault::Sync(libc::EIO)));
    assert_eq!(segment.durable(), 8192);
}

/// The segment fails with the invariant's name, and its durable end stays.
#[test]
fn a_group_that_breaks_an_invariant_makes_nothing_durable() {
    let dir = tempfile::tempdir().unwrap();
    for (id, (from, to), invariant) in [
        (1, (8192, 12288), Invariant::GroupBegin),
        (2, (4097, 8192), Invariant::GroupBegin),
        (3, (4096, 4096), Invariant::GroupEnd),
        (4, (4096, 8193), Invariant::GroupEnd),
        (5, (4096, 16384), Invariant::GroupEnd),
    ] {
        let pen = Segment::create(&Plan { id, ..plan(dir.path(), true) }).unwrap();
        let segment = pen.segment();
        segment.set_cursor(12288);
        let fault = Fault::Invariant(invariant);
        assert_eq!(segment.sync(from, to, None), Err(fault), "{from}..{to}");
        assert_eq!((segment.fault(), segment.durable()), (Some(fault), RECORDS_FROM));
        assert_eq!(segment.sync(4096, 8192, None), Err(fault), "a sound group that follows is not believed");
    }
}

#[test]
fn a_disk_that_has_no_room_is_an_error_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let huge = Plan { bytes: 1 << 50, ..plan(dir.path(), true) };
    let error = Segment::create(&huge).unwrap_err();
    assert!(error.raw_os_error().is_some(), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_page_beyond_the_file_becomes_zero_and_fails_the_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut pen = Segment::create(&plan(dir.path(), true)).unwrap();
    OpenOptions::new().write(true).open(&pen.segment().path).unwrap().set_len(4096).unwrap();
    pen.write(20_000, b"into the void");
    assert_eq!(pen.segment().fault(), Some(Fault::Bus));
    assert!(pen.segment().sync(16384, 20480, None).is_err());
}

#[test]
fn a_file_that_is_cut_does_not_grow_again_by_being_formatted() {
    let dir = tempfile::tempdir().unwrap();
    let pen = Segment::create(&Plan { bytes: 64 << 20, ..plan(dir.path(), true) }).unwrap();
    let segment = Arc::clone(pen.segment());
    std::thread::scope(|scope| {
        let formatter = Arc::clone(&segment);
        scope.spawn(move || while formatter.format(16 << 20).unwrap() < formatter.bytes && !formatter.is_left() {});
        while segment.formatted() < 16 << 20 {
            std::hint::spin_loop();
        }
        segment.leave();
        segment.wait_for_format();
        std::fs::OpenOptions::new().write(true).open(&segment.path).unwrap().set_len(8192).unwrap();
    });
    assert_eq!(segment.format(1 << 20).unwrap(), segment.formatted());
    assert_eq!(std::fs::metadata(&segment.path).unwrap().len(), 8192);
}
