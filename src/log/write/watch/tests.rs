use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::{AppendError, Log, Options};

use super::*;

fn options(dir: &std::path::Path) -> Options {
    Options {
        dir: dir.join("log"),
        segment_bytes: 256 << 10,
        window_bytes: 64 << 10,
        group_bytes_max: 64 << 10,
        start_reserve_bytes: 8 << 10,
        reserve_bytes: 1 << 20,
        insist: true,
        ..Options::default()
    }
}

fn panic_in(log: &Log, thread: LogThread) {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _watch = Watch::new(log.shared(), thread);
        panic!("as if the thread had");
    }));
    assert!(panicked.is_err());
}

#[test]
fn a_core_that_misses_a_thread_refuses_instead_of_waiting_for_it() {
    let payload = vec![1; 20_000];
    let entry = Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload: &payload,
    };
    for thread in [LogThread::Preparer, LogThread::Keeper, LogThread::Sealer, LogThread::Hasher] {
        let dir = tempfile::tempdir().unwrap();
        let (log, _) = Log::open(options(dir.path())).unwrap();
        let mut writer = log.writer(0).unwrap();
        panic_in(&log, thread);
        let refused = (0..100).find_map(|_| writer.append(&entry).err());
        assert_eq!(refused, Some(AppendError::Poisoned(Fault::Thread(thread))));
        let reason = log.health().reason.unwrap();
        assert!(reason.contains(&format!("the {} thread is gone", thread.as_str())), "{reason}");
        log.reopen(std::time::Duration::from_millis(1));
        assert!(log.is_poisoned(0), "that takes a restart");
        drop(writer);
        log.close().unwrap();
    }
}

#[test]
fn a_deleter_that_is_gone_is_told_and_keeps_nobody_from_appending() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    panic_in(&log, LogThread::Deleter);
    assert!(!log.is_poisoned(0));
    assert_eq!(log.stats().failures_by_cause[Fault::Thread(LogThread::Deleter).index()], 1);
    log.close().unwrap();
}
