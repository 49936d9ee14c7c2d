//! Room: windows, limits, the disk, and what an append costs.

use std::sync::atomic::Ordering;

use crate::log::LogError;
use crate::log::read::reader::{LogReader, Server};
use crate::log::write::shared::Space;

use super::*;

#[test]
fn a_refused_core_is_woken_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let payload = vec![3; 20_000];
    for _ in 0..100 {
        core.append(&batch(&payload));
    }
    core.settle(Seq(100));
    assert!(core.refusals > 0, "100 records of 20 KB do not fit a window of 64 KB");
    assert_eq!(payloads(log.dir()).len(), 100);
}

#[test]
fn how_long_a_writer_stood_still_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    core.append(&batch(b"a group that is long on its way"));
    let before: u64 = log.stats().standstills.iter().map(|of| of.longest_us).max().unwrap();
    core.writer.segment().unwrap().sync_delay_ms.store(300, Ordering::SeqCst);
    core.writer.kick();
    let mut last = Seq(0);
    for _ in 0..60 {
        last = core.append(&batch(&[1; 2_000]));
    }
    core.settle(last);
    assert!(core.refusals > 0, "120 KB do not fit a window of 64 KB");
    let standstills = log.stats().standstills;
    let longest = standstills.iter().map(|of| of.longest_us).max().unwrap();
    assert!(longest >= 200_000 && longest > before, "{standstills:?}");
    assert!(standstills.iter().all(|of| of.longest_us <= of.total_us && (of.count > 0 || of.total_us == 0)));
}

#[test]
fn starts_have_a_reserve_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    core.append(&batch(b"a group that is long on its way"));
    core.writer.segment().unwrap().sync_delay_ms.store(1_000, Ordering::SeqCst);
    core.writer.kick();
    let refused = |core: &mut Core| {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(500) {
            match core.writer.append(&batch(&[1; 2_000])) {
                Ok(_) => {}
                Err(AppendError::NotReady) => thread::sleep(Duration::from_millis(20)),
                Err(error) => panic!("{error}"),
            }
        }
        core.writer.append(&batch(&[1; 2_000]))
    };
    assert_eq!(refused(&mut core), Err(AppendError::NotReady));
    assert!(core.writer.append(&entry(Kind::Start, &[1; 2_000])).is_ok());
}

#[test]
fn a_record_that_can_never_fit_is_told_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let max = options.record_bytes_max();
    let (log, _) = Log::open(options).unwrap();
    let mut core = Core::new(&log, 0);
    let payload = vec![1; max as usize];
    assert_eq!(core.writer.append(&batch(&payload)), Err(AppendError::TooLarge { max }));
    let long = vec![0; crate::log::format::record::EXT_BYTES_MAX + 1];
    assert!(matches!(core.writer.append(&Entry { ext: &long, ..batch(b"") }), Err(AppendError::TooLarge { .. })));
    let seq = core.append(&batch(&payload[..max as usize - 64]));
    core.settle(seq);
    assert_eq!(payloads(log.dir())[0].len(), max as usize - 64);
}

#[test]
fn a_full_disk_is_said_and_passes_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    core.append(&batch(b"before"));
    log.shared().set_space(Space::Low);
    assert_eq!(core.writer.append(&batch(b"refused")), Err(AppendError::DiskFull));
    assert!(core.writer.append(&entry(Kind::Start, b"a start")).is_ok());
    log.shared().set_space(Space::Full);
    assert_eq!(core.writer.append(&entry(Kind::Start, b"refused")), Err(AppendError::DiskFull));
    assert!(!log.health().can_append);
    // The keeper's next check finds the space.
    let seq = core.append(&batch(b"after"));
    core.settle(seq);
    assert!(log.health().can_append);
    assert_eq!(payloads(log.dir()), [&b"before"[..], b"a start", b"after"]);
}

#[test]
fn a_reserve_that_the_disk_does_not_have_refuses_and_makes_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { reserve_bytes: 1 << 60, ..options(dir.path()) }).unwrap();
    let mut core = Core::new(&log, 0);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(core.writer.append(&batch(b"x")), Err(AppendError::DiskFull));
    assert_eq!(files(log.dir(), 0, "open").len(), 0);
    assert!(log.health().reason.unwrap().contains("below the reserve"));
}

#[test]
fn the_first_append_is_possible_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let (log, _) =
        Log::open(Options { cores: 2, insist: true, ..Options { dir: dir.path().join("log"), ..Options::default() } })
            .unwrap();
    let mut core = Core::new(&log, 1);
    core.append(&batch(b"x"));
    let took = begun.elapsed();
    // 40 ms on an idle machine; this one may be busy with other tests.
    assert!(took < Duration::from_millis(400), "{took:?}");
}

#[test]
fn a_second_server_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    match Log::open(options(dir.path())) {
        Err(LogError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    log.close().unwrap();
    drop(log);
    Log::open(options(dir.path())).unwrap();
}

#[test]
fn a_lock_file_that_was_removed_lets_no_second_server_in() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let file = log.dir().join("lock");
    let present = || LogReader::open(log.dir()).unwrap().server() != Server::Absent;
    let refused = || matches!(Log::open(options(dir.path())), Err(LogError::Locked { .. }));
    std::fs::remove_file(&file).unwrap();
    assert!(present() && refused());
    assert!(!file.exists(), "who is turned away leaves nothing behind");
    std::fs::write(&file, "1\n").unwrap();
    assert!(present() && refused());
    log.close().unwrap();
    drop(log);
    Log::open(options(dir.path())).unwrap();
}

#[test]
fn a_core_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let _writer = log.writer(0).unwrap();
    assert!(matches!(log.writer(0), Err(LogError::NoWriter { core: 0 })));
    assert!(matches!(log.writer(1), Err(LogError::NoWriter { core: 1 })));
}

#[test]
fn settings_that_can_not_work_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = |field: &str, options: Options| match Log::open(options) {
        Err(LogError::Setting { field: found, .. }) => assert_eq!(found, field),
        other => panic!("{other:?}"),
    };
    wrong("cores", Options { cores: 0, ..options(dir.path()) });
    wrong("window_bytes", Options { window_bytes: 1 << 20, ..options(dir.path()) });
    wrong("segment_bytes", Options { segment_bytes: 100_000, ..options(dir.path()) });
    wrong("start_reserve_bytes", Options { start_reserve_bytes: 64 << 10, ..options(dir.path()) });
}

/// Minor page faults of this thread so far.
fn faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}

#[test]
fn an_append_takes_no_page_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options {
        way: Way::Mapped,
        segment_bytes: 16 << 20,
        window_bytes: 8 << 20,
        group_bytes_max: 8 << 20,
        ..options(dir.path())
    })
    .unwrap();
    let mut core = Core::new(&log, 0);
    let payload = vec![5; 1_000];
    core.append(&batch(&payload));
    while core.writer.stats().window_bytes < 4 << 20 {
        thread::sleep(Duration::from_millis(5));
    }
    faults();
    let idle = faults();
    let beside = faults() - idle;
    let before = faults();
    for _ in 0..3_000 {
        core.writer.append(&batch(&payload)).unwrap();
    }
    let taken = (faults() - before).saturating_sub(beside);
    // 3,000 records touch 780 pages; a few faults may come from elsewhere in the thread.
    assert!(taken <= 8, "{taken} faults");
}

#[test]
fn an_append_to_a_stage_that_was_used_before_takes_no_page_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options {
        way: Way::Direct,
        segment_bytes: 4 << 20,
        window_bytes: 1 << 20,
        group_bytes_max: 256 << 10,
        recent_bytes: 1 << 20,
        ..options(dir.path())
    })
    .unwrap();
    let mut core = Core::new(&log, 0);
    let payload = vec![5; 1_000];
    // Over several segments, so that it includes a roll-over.
    let mut turns = |count: usize| {
        let mut taken = 0;
        for _ in 0..count {
            let before = faults();
            let last = (0..150).map(|_| core.append(&batch(&payload))).last().unwrap();
            taken += faults() - before;
            core.settle(last);
        }
        taken
    };
    turns(60);
    // 9,000 records touch 2,300 pages; a wait in between may take a few. A reader that is not let run keeps its block, and the new one that is made
    // instead takes a fault for each of its 64 pages: not every time.
    let taken = (0..5).map(|_| turns(60)).min().unwrap();
    assert!(taken <= 40, "{taken} faults");
}
