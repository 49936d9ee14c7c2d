//! Files of deleted segments become the next ones.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use crate::log::Way;
use crate::log::disk::calls::REAL;
use crate::log::read::reader::LogReader;
use crate::log::repair::verify::verify_segment;

use super::*;

/// A folder on a disk: what lies in memory knows nothing of zeroed ranges.
fn disk_dir() -> tempfile::TempDir {
    let built = std::env::current_exe().unwrap();
    tempfile::tempdir_in(built.parent().unwrap()).unwrap()
}

/// Whether the file system can do what recycling takes.
fn can_recycle(dir: &Path) -> bool {
    let path = dir.join("probe");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    REAL.is_only(&file) && REAL.zero(&file, 4096).is_ok()
}

#[test]
fn a_busy_core_makes_its_next_segments_of_the_files_of_deleted_ones_and_a_quiet_one_gives_them_back() {
    let dir = disk_dir();
    let can = can_recycle(dir.path());
    let log = open(Options { retain_interval: Duration::from_millis(50), ..options(dir.path()) });
    let mut writer = log.writer(0).unwrap();
    let folder = core_dir(log.dir(), 0);
    let mut files = BTreeSet::new();
    let begun = Instant::now();
    for number in 1.. {
        append(&mut writer, number);
        let listed = fs::read_dir(&folder).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
        files.extend(listed.filter(|meta| meta.len() >= SEGMENT_BYTES).map(|meta| meta.ino()));
        let recycled = log.retention().recycled;
        if recycled >= 20 || (!can && number > 500) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{recycled} recycled: {:?}", log.retention());
    }
    let made = log.stats().segments;
    if can {
        assert!((files.len() as u64) < made, "{} files for {made} segments", files.len());
    }
    wait_for("a quiet core keeps no spare files", || {
        log.retention().spare_bytes == 0 && ids(log.dir(), 0, "spare").is_empty()
    });
    drop(writer);
    log.close().unwrap();
    let reader = LogReader::open(&dir.path().join("log")).unwrap();
    for info in reader.segments().unwrap() {
        let verdict = verify_segment(&info).unwrap();
        assert!(verdict.ok(), "{verdict:?}");
    }
}

/// Says that core 0 has made so many segments of late.
fn has_made(log: &Log, segments: u64) {
    let spares = &log.shared().cores[0].spares;
    spares.count(0, Duration::ZERO);
    spares.count(segments, Duration::ZERO);
}

#[test]
fn a_nearly_full_disk_keeps_no_spare_file() {
    let dir = disk_dir();
    let all = filled(dir.path(), 60);
    let free = free_bytes(dir.path()).unwrap();
    // Nearly full, and far from the reserve.
    let reserve_bytes = free / 10 * 6;
    let retain_interval = Duration::from_secs(3600);
    for (reserve_bytes, is_kept) in [(1 << 20, can_recycle(dir.path())), (reserve_bytes, false)] {
        let (log, _) = Log::open(Options { reserve_bytes, retain_interval, ..options(dir.path()) }).unwrap();
        has_made(&log, 100);
        // The first one keeps those that it deletes, if it can; the second one finds one and deletes others.
        let bytes = if is_kept { 3 * SEGMENT_BYTES } else { 0 };
        let mut deleter = Deleter::new(log.shared(), keep(Some(bytes), FullDisk::Hold));
        deleter.look_and_delete();
        assert!(ids(log.dir(), 0, "seg").len() < all.len());
        assert_eq!(ids(log.dir(), 0, "spare").is_empty(), !is_kept, "{reserve_bytes}");
        assert_eq!(log.shared().spare_bytes() != 0, is_kept);
        log.close().unwrap();
    }
}

#[test]
fn a_spare_file_that_this_server_has_not_made_blank_becomes_no_segment() {
    let dir = disk_dir();
    filled(dir.path(), 20);
    // As in a copy that was made beside a server.
    let path = core_dir(&dir.path().join("log"), 0).join(file_name(7, "spare"));
    fs::write(&path, vec![7; SEGMENT_BYTES as usize]).unwrap();
    let retain_interval = Duration::from_secs(3600);
    let (log, _) = Log::open(Options { retain_interval, ..options(dir.path()) }).unwrap();
    has_made(&log, 100);
    Deleter::new(log.shared(), keep(None, FullDisk::Hold)).look_and_delete();
    let kept = log.shared().cores[0].spares.take(SEGMENT_BYTES);
    assert_eq!(kept.is_some(), can_recycle(dir.path()));
    assert!(!path.exists() || fs::read(&path).unwrap().iter().all(|&byte| byte == 0));
    log.close().unwrap();
}

#[test]
fn a_reader_beside_finds_bytes_missing_and_never_others() {
    let dir = disk_dir();
    let can = can_recycle(dir.path());
    let options = Options { cores: 2, ack: Ack::Disk, way: Way::Auto, ..options(dir.path()) };
    let log = open(Options { retain_interval: Duration::from_millis(50), ..options });
    let begun = Instant::now();
    let is_done = || log.retention().recycled >= 10 || !can && begun.elapsed() > Duration::from_secs(1);
    let mut read = 0;
    thread::scope(|scope| {
        for core in 0..2 {
            let (mut writer, is_done) = (log.writer(core).unwrap(), &is_done);
            scope.spawn(move || {
                for number in (1..).take_while(|_| !is_done()) {
                    append(&mut writer, number);
                    assert!(begun.elapsed() < PATIENCE);
                }
            });
        }
        while !is_done() && begun.elapsed() < PATIENCE {
            let paths = (0..2).flat_map(|core| {
                let folder = core_dir(log.dir(), core);
                ids(log.dir(), core, "seg").into_iter().map(move |id| folder.join(file_name(id, "seg")))
            });
            let opened: Vec<File> = paths.filter_map(|path| File::open(path).ok()).collect();
            let bytes = |file: &File| {
                let mut bytes = vec![0; SEGMENT_BYTES as usize];
                let length = file.read_at(&mut bytes, 0).unwrap();
                bytes.truncate(length);
                bytes
            };
            let first: Vec<Vec<u8>> = opened.iter().map(bytes).collect();
            thread::sleep(Duration::from_millis(5));
            for (file, first) in opened.iter().zip(first) {
                assert!(first.starts_with(&bytes(file)), "a segment has other bytes");
                read += 1;
            }
            drop(opened);
            // What nobody has open is blanked now.
            thread::sleep(Duration::from_millis(30));
        }
    });
    assert!(read > 0);
    log.close().unwrap();
}

#[test]
fn the_file_of_a_segment_that_somebody_reads_is_not_blanked() {
    let dir = disk_dir();
    let path = dir.path().join("segment");
    fs::write(&path, vec![7; 10_000]).unwrap();
    let reader = File::open(&path).unwrap();
    assert!(recycle::zero(REAL, &path, 16_384).unwrap().is_none());
    assert_eq!(fs::read(&path).unwrap(), vec![7; 10_000]);
    drop(reader);
    assert!(recycle::zero(REAL, &path, 4_096).unwrap().is_none(), "one that is too large");
    assert_eq!(fs::read(&path).unwrap(), vec![7; 10_000]);
    if can_recycle(dir.path()) {
        assert!(recycle::zero(REAL, &path, 16_384).unwrap().is_some());
        assert_eq!(fs::read(&path).unwrap(), vec![0; 16_384]);
    }
}
