use super::hand::{HandControl, HandSegment, LOG, take_lock, temp_dir, write_log_file};
use super::*;

fn segment(core: u16, id: u64) -> HandSegment {
    let mut segment = HandSegment::new(core, id);
    segment.batch(id + 1, 7, b"payload");
    segment.group();
    segment
}

fn states(log_dir: &Path) -> Vec<(u16, u64, SegmentState, u64)> {
    let segments = LogReader::open(log_dir).unwrap().segments().unwrap();
    segments.iter().map(|info| (info.core, info.id, info.state, info.bytes)).collect()
}

#[test]
fn every_folder_and_segment_is_listed_in_order_with_how_far_it_may_be_read() {
    let dir = temp_dir();
    let log_dir = dir.path();
    write_log_file(log_dir);
    segment(0, 1000).write_sealed(log_dir);
    segment(0, 2000).write_open(log_dir, 8192);
    let mut writing = segment(0, 3000);
    writing.batch(3005, 7, b"not durable yet");
    writing.write_open(log_dir, 8192);
    HandSegment::new(0, 4000).write_open(log_dir, 8192);
    HandControl::live(&writing).write(log_dir);
    let _lock = take_lock(log_dir);
    segment(11, 500).write_sealed(log_dir);
    fs::create_dir_all(log_dir.join("core-1")).unwrap();
    assert_eq!(
        states(log_dir),
        [
            (0, 1000, SegmentState::Sealed, 8192),
            (0, 2000, SegmentState::Sealing, 8192),
            (0, 3000, SegmentState::Writing, 8192),
            (0, 4000, SegmentState::Ready, 4096),
            (11, 500, SegmentState::Sealed, 8192),
        ]
    );
}

#[test]
fn a_left_log_is_readable_as_far_as_it_is_known_to_be_durable() {
    let dir = temp_dir();
    let log_dir = dir.path();
    write_log_file(log_dir);
    let mut left = segment(0, 1000);
    let second = left.batch(1005, 7, b"vouches for the first group");
    left.write_open(log_dir, 8192);
    assert_eq!(states(log_dir), [(0, 1000, SegmentState::Left, 8192)], "no control page: what the records vouch for");
    left.group();
    left.write_open(log_dir, 8192);
    HandControl { pid: HandControl::DEAD, ..HandControl::live(&left) }.write(log_dir);
    assert_eq!(states(log_dir), [(0, 1000, SegmentState::Left, 12288)], "a dead server's control page");
    assert!(second < 12288);
    segment(0, 2000).write_open(log_dir, 0);
    assert_eq!(states(log_dir)[0], (0, 1000, SegmentState::Left, 12288), "an older one: all of it");
}

#[test]
fn a_lost_log_file_is_replaced_by_what_the_segments_say() {
    let dir = temp_dir();
    assert!(LogReader::open(dir.path()).is_err());
    segment(0, 1000).write_sealed(dir.path());
    assert_eq!(LogReader::open(dir.path()).unwrap().log_uuid(), LOG);
    fs::write(dir.path().join(LOG_FILE_NAME), "{\"version\":9,\"log\":\"a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5\"}")
        .unwrap();
    assert!(matches!(LogReader::open(dir.path()), Err(LogError::Version { found: 9, .. })));
}

#[test]
fn whether_a_server_writes_is_told_by_its_lock_and_not_by_a_process_id() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let writing = segment(0, 1000);
    writing.write_open(dir.path(), 0);
    HandControl::live(&writing).write(dir.path());
    assert_eq!(states(dir.path())[0].2, SegmentState::Left, "a living process that may be any other");
    let lock = take_lock(dir.path());
    assert_eq!(states(dir.path())[0].2, SegmentState::Writing);
    HandControl { pid: HandControl::DEAD, ..HandControl::live(&writing) }.write(dir.path());
    assert_eq!(states(dir.path())[0].2, SegmentState::Left, "the page of an earlier server");
    drop(lock);
    assert_eq!(LogReader::open(dir.path()).unwrap().server(), Server::Absent);
}
