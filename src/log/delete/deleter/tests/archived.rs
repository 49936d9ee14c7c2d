//! What leaves the log because it is in an archive.

use crate::log::disk::calls;
use crate::log::format::sidecar::{Hole, Sidecar};
use crate::log::retain::{InArchive, Sealed};

use super::*;

/// Rules without any but the archive, which holds what `is_held` says.
fn archived(is_held: impl Fn(&Sealed) -> Result<bool, String> + Send + Sync + 'static) -> Rules {
    let archive = InArchive::new(move |segments| segments.iter().map(&is_held).collect());
    keep(None, FullDisk::Hold).until_archived(Some(archive))
}

#[test]
fn what_the_archive_holds_goes_and_nothing_else_does() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 60);
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let two = [all[0], all[2]];
    let mut deleter = Deleter::new(log.shared(), archived(move |segment| Ok(two.contains(&segment.id))));
    deleter.look_and_delete();
    let left: Vec<u64> = all.iter().copied().filter(|id| !two.contains(id)).collect();
    assert_eq!(ids(&log_dir, 0, "seg"), left);
    let stats = log.retention();
    assert_eq!((stats.deleted[Reason::Archived as usize], stats.awaiting_archive), (2, left.len() as u64 - 1));
    log.close().unwrap();
}

#[test]
fn nothing_goes_while_the_archive_cannot_tell_and_that_is_told_once() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 40);
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let listener = Listener::new(move |event| hear.lock().unwrap().push(format!("{event:?}")));
    let (log, _) = Log::open(Options { retain_listener: listener, ..options(dir.path()) }).unwrap();
    let mut deleter = Deleter::new(log.shared(), archived(|_| Err("the archive is gone".to_owned())));
    for _ in 0..3 {
        deleter.look_and_delete();
    }
    assert_eq!(ids(&log_dir, 0, "seg"), all);
    assert_eq!(log.retention().archive_fault.as_deref(), Some("the archive is gone"));
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("the archive is gone"), "{told:?}");
    drop(told);
    log.close().unwrap();
}

#[test]
fn a_segment_that_is_held_or_is_not_what_was_sealed_stays_whatever_the_archive_says() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 60);
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let cursors = Cursors::beside(&log_dir, log.uuid());
    let reader = LogReader::open(&log_dir).unwrap();
    cursors.register_at(&reader, &name("holds"), true, From::Start).unwrap();
    let mut deleter = Deleter::new(log.shared(), archived(|_| Ok(true)));
    deleter.look_and_delete();
    assert_eq!(ids(&log_dir, 0, "seg"), all, "a consumer has not read them");

    cursors.remove(&name("holds")).unwrap();
    // One bit of the second one.
    let second = core_dir(&log_dir, 0).join(file_name(all[1], names::SEALED));
    let mut bytes = fs::read(&second).unwrap();
    bytes[9_000] ^= 1;
    fs::write(&second, bytes).unwrap();
    for _ in 0..3 {
        deleter.look_and_delete();
    }
    assert_eq!(ids(&log_dir, 0, "seg"), [all[1], all[all.len() - 1]]);
    assert_eq!(log.retention().awaiting_archive, 1);
    // It leaves by another rule.
    fs::remove_file(core_dir(&log_dir, 0).join(file_name(all[1], names::SEALED))).unwrap();
    deleter.look_and_delete();
    assert_eq!(log.retention().awaiting_archive, 0);
    log.close().unwrap();
}

#[test]
fn the_archive_is_asked_once_more_for_each_segment_right_before_it_goes() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 60);
    let (log, _) = Log::open(options(dir.path())).unwrap();
    // It has all of them when it is decided, and lost them since.
    let archive = InArchive::new(|segments| Ok(vec![segments.len() > 1; segments.len()]));
    let rules = keep(None, FullDisk::Hold).until_archived(Some(archive));
    let mut deleter = Deleter::new(log.shared(), rules);
    deleter.look_and_delete();
    assert!(all.len() > 3);
    assert_eq!(ids(&log_dir, 0, "seg"), all);
    log.close().unwrap();
}

#[test]
fn a_segment_in_which_something_may_be_lost_stays_and_one_with_a_gap_goes() {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    let all = filled(dir.path(), 60);
    for (id, unacknowledged) in [(all[1], false), (all[2], true)] {
        let segment = core_dir(&log_dir, 0).join(file_name(id, names::SEALED));
        let mut sidecar = Sidecar::read(&segment).unwrap().unwrap();
        sidecar.damage.push(Hole { offset: 9_000, bytes: 8, unacknowledged });
        sidecar.write_on(calls::REAL, &segment).unwrap();
    }
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut deleter = Deleter::new(log.shared(), archived(|_| Ok(true)));
    for _ in 0..3 {
        deleter.look_and_delete();
    }
    assert_eq!(ids(&log_dir, 0, "seg"), [all[1], all[all.len() - 1]]);
    log.close().unwrap();
}
