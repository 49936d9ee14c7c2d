//! What is acknowledged is durable, in order, and never changes.

use crate::log::write::segment::RECORDS_FROM;

use super::*;

#[test]
fn nothing_is_acknowledged_before_its_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let seq = core.append(&batch(b"one"));
    assert_eq!(seq, Seq(1));
    assert_eq!(core.progress().acked, Seq(0));
    let before = control(&log, 0);
    assert_eq!(before.durable, RECORDS_FROM);
    assert!(before.cursor > before.durable && before.first_unsynced_us == Some(before.last_order_us));
    assert!(payloads(log.dir()).is_empty(), "a reader sees only what is durable");

    core.settle(seq);
    assert_eq!(core.acked, seq);
    let after = control(&log, 0);
    assert!(after.durable >= before.cursor && after.first_unsynced_us.is_none() && !after.in_append);
    assert_eq!(payloads(log.dir()), [b"one"]);
}

#[test]
fn the_durable_end_is_published_before_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    for turn in 0..200_u32 {
        let seq = core.append(&batch(&turn.to_le_bytes()));
        core.settle(seq);
        assert_eq!(read_all(log.dir()).len() as u64, seq.0, "a reader sees what was answered");
    }
}

#[test]
fn each_group_starts_on_a_fresh_page_and_leaves_older_pages_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let mut before = Vec::new();
    let mut begins = Vec::new();
    for turn in 0..12_usize {
        let cursor = control(&log, 0).cursor.max(RECORDS_FROM);
        begins.push(cursor);
        core.append(&batch(&vec![turn as u8; 100 + turn * 400]));
        let seq = core.append(&batch(b"the second of its group"));
        core.settle(seq);
        let path = core.writer.segment().unwrap().path.clone();
        let bytes = std::fs::read(path).unwrap();
        let durable = control(&log, 0).durable as usize;
        assert_eq!(bytes[..before.len()], before[..], "an acknowledged page was written again");
        before = bytes[..durable].to_vec();
    }
    assert!(begins.iter().all(|at| at % 4096 == 0), "{begins:?}");
    assert_eq!(payloads(log.dir()).len(), 24);
}

#[test]
fn records_are_read_back_in_order_over_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let payload = |turn: u32| turn.to_le_bytes().repeat(1 + (turn as usize * 37) % 900);
    for turn in 0..1_500_u32 {
        core.append(&batch(&payload(turn)));
        if turn % 7 == 0 {
            core.progress();
            core.writer.kick();
        }
    }
    core.settle(Seq(1_500));
    assert!(core.refusals > 0, "the windows are too small for this not to wait");
    drop(core);
    log.close().unwrap();
    assert_eq!(files(log.dir(), 0, "open"), Vec::<std::path::PathBuf>::new());
    let sealed = files(log.dir(), 0, "seg");
    assert!(sealed.len() > 5 && files(log.dir(), 0, "json").len() == sealed.len(), "{sealed:?}");
    let read = read_all(log.dir());
    assert!(read.is_sorted_by_key(|(order_us, _)| *order_us));
    let expected: Vec<_> = (0..1_500).map(payload).collect();
    assert!(read.into_iter().map(|(_, payload)| payload).eq(expected));
}

#[test]
fn a_closed_log_is_opened_again_without_recovery() {
    let dir = tempfile::tempdir().unwrap();
    for turn in 0..3_u8 {
        let (log, recovery) = Log::open(options(dir.path())).unwrap();
        assert_eq!((recovery.segments, recovery.records, recovery.dropped_bytes), (0, 0, 0));
        let mut core = Core::new(&log, 0);
        let seq = core.append(&batch(&[turn]));
        core.settle(seq);
        drop(core);
        log.close().unwrap();
        assert_eq!(control(&log, 0).state, control::State::Closed);
    }
    assert_eq!(payloads(&dir.path().join("log")), [[0], [1], [2]]);
}

#[test]
fn dropping_the_writer_hands_over_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    core.append(&batch(b"never kicked"));
    drop(core);
    log.close().unwrap();
    assert_eq!(payloads(log.dir()), [b"never kicked"]);
    assert_eq!(files(log.dir(), 0, "seg").len(), 1);
}

#[test]
fn with_ack_memory_records_become_durable_behind_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { ack: Ack::Memory, ..options(dir.path()) }).unwrap();
    let mut core = Core::new(&log, 0);
    let seq = core.append(&batch(b"one"));
    assert_eq!(core.progress().acked, seq);
    core.writer.kick();
    while control(&log, 0).durable == RECORDS_FROM {
        core.wait();
    }
    assert_eq!(payloads(log.dir()), [b"one"]);
}

#[test]
fn an_idle_cores_records_are_sealed_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { seal_age: Duration::from_millis(100), ..options(dir.path()) }).unwrap();
    let mut core = Core::new(&log, 0);
    let seq = core.append(&batch(b"one"));
    core.settle(seq);
    let begun = Instant::now();
    while files(log.dir(), 0, "seg").is_empty() && begun.elapsed() < PATIENCE {
        thread::park_timeout(Duration::from_millis(50));
        core.writer.register(&waker());
        core.progress();
    }
    assert_eq!(files(log.dir(), 0, "seg").len(), 1);
    let seq = core.append(&batch(b"two"));
    core.settle(seq);
    assert_eq!(payloads(log.dir()), [b"one", b"two"]);
}

#[test]
fn two_cores_leave_in_one_order_while_they_write() {
    const RECORDS: u64 = 3_000;
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { cores: 2, ..options(dir.path()) }).unwrap();
    let write = |index: u16| {
        let mut core = Core::new(&log, index);
        for turn in 0..RECORDS {
            core.append(&batch(&(turn * 2 + u64::from(index)).to_le_bytes()));
            if turn % 5 == 0 {
                core.progress();
                core.writer.kick();
            }
        }
        core.settle(Seq(RECORDS));
    };
    let mut seen = vec![Vec::new(), Vec::new()];
    thread::scope(|scope| {
        let writers = [scope.spawn(|| write(0)), scope.spawn(|| write(1))];
        let mut merge = Merge::new(LogReader::open(log.dir()).unwrap());
        let (mut last, mut idle_since) = (0, None::<Instant>);
        while idle_since.is_none_or(|since| since.elapsed() < Duration::from_millis(300)) {
            while let Some(record) = merge.next().unwrap() {
                assert!(record.order_us >= last, "a record came behind a younger one");
                last = record.order_us;
                let value = u64::from_le_bytes(record.payload.try_into().unwrap());
                seen[(value % 2) as usize].push(value / 2);
                idle_since = None;
            }
            if writers.iter().all(|writer| writer.is_finished()) {
                idle_since.get_or_insert_with(Instant::now);
            }
            thread::yield_now();
        }
    });
    for core in seen {
        assert!(core.iter().copied().eq(0..RECORDS), "{} of {RECORDS} came", core.len());
    }
}
