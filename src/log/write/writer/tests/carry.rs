//! `ack = "memory"`: what was answered survives as long as the process, and therefore survives a failed sync.

use std::sync::atomic::Ordering;

use crate::log::format::control::State;

use super::*;

fn memory(dir: &Path) -> Options {
    Options { ack: Ack::Memory, format_ahead: false, sync_interval: Duration::from_millis(50), ..options(dir) }
}

fn fail_syncs(core: &Core, count: u32) {
    core.writer.segment().unwrap().syncs_to_fail.store(count, Ordering::SeqCst);
}

fn payload(number: u64) -> Vec<u8> {
    let mut payload = format!("record {number} ").into_bytes();
    payload.resize(20 + number as usize * 53 % 3_000, b'x');
    payload
}

/// Appends records with every kind of field.
fn append(core: &mut Core, number: u64) {
    let payload = payload(number);
    let fields = Entry { session: number, project: 3, split: 9, flags: Flags::MAY_BE_SPLIT, ..batch(&payload) };
    core.append(&Entry { label: Some(crate::log::format::record::Label { page: 1, number: number as u32 }), ..fields });
}

/// Takes turns until this many records can be read as durable.
fn until_durable(core: &mut Core, log: &Log, count: usize) {
    let begun = Instant::now();
    while payloads(log.dir()).len() < count {
        assert!(begun.elapsed() < PATIENCE, "{} of {count}: {:?}", payloads(log.dir()).len(), log.stats());
        turn(core);
    }
}

fn turn(core: &mut Core) {
    core.writer.register(&waker());
    core.progress();
    core.writer.kick();
    thread::park_timeout(Duration::from_millis(20));
}

#[track_caller]
fn each_once(log_dir: &Path, count: u64) {
    let mut found = payloads(log_dir);
    found.sort();
    let mut expected: Vec<Vec<u8>> = (0..count).map(payload).collect();
    expected.sort();
    assert!(found == expected, "{} found, {count} expected", found.len());
}

#[test]
fn answered_from_memory_survives_a_failed_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(memory(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    (0..5).for_each(|number| append(&mut core, number));
    until_durable(&mut core, &log, 5);
    fail_syncs(&core, 1);
    (5..40).for_each(|number| append(&mut core, number));
    until_durable(&mut core, &log, 40);
    let stats = log.stats();
    assert!(stats.lost > 0 && stats.restored == stats.lost, "{stats:?}");
    each_once(log.dir(), 40);
    let mut merge = Merge::new(LogReader::open(log.dir()).unwrap());
    while let Some(record) = merge.next().unwrap() {
        assert_eq!((record.project, record.split, record.flags.contains(Flags::MAY_BE_SPLIT)), (3, 9, true));
        assert_eq!(record.label.unwrap().number as u64, record.session);
        assert_eq!(record.payload, payload(record.session));
    }
    drop(core);
    log.close().unwrap();
    each_once(log.dir(), 40);
    assert_eq!(files(log.dir(), 0, "open").len(), 0);
}

/// Fails each segment that has taken a record, until the core is poisoned. Returns how many records were answered.
fn poison_under_answers(core: &mut Core, log: &Log) -> u64 {
    let begun = Instant::now();
    let mut number = 0;
    while !log.is_poisoned(0) {
        assert!(begun.elapsed() < PATIENCE);
        let payload = payload(number);
        number += u64::from(core.writer.append(&batch(&payload)).is_ok());
        if core.writer.segment().is_some() {
            fail_syncs(core, u32::MAX);
        }
        turn(core);
    }
    assert!(number >= 3, "each of three segments has taken a record: {number}");
    number
}

#[test]
fn answered_from_memory_survives_poison_and_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(memory(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let answered = poison_under_answers(&mut core, &log);
    assert!(payloads(log.dir()).is_empty());
    assert_eq!(log.reopen(PATIENCE)[0].after, State::Open);
    until_durable(&mut core, &log, answered as usize);
    each_once(log.dir(), answered);
    drop(core);
    log.close().unwrap();
    each_once(log.dir(), answered);
}

#[test]
fn answered_from_memory_and_never_synced_is_found_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(memory(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let answered = poison_under_answers(&mut core, &log);
    drop(core);
    log.close().unwrap();
    drop(log);
    let (log, recovery) = Log::open(memory(dir.path())).unwrap();
    assert!(recovery.damage.is_empty(), "{recovery:?}");
    each_once(log.dir(), answered);
}

#[test]
fn a_refused_record_is_not_appended_by_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    append(&mut core, 0);
    fail_syncs(&core, 1);
    core.settle(Seq(1));
    let again = core.append(&batch(b"the owner's own choice"));
    core.settle(again);
    assert_eq!(payloads(log.dir()), [b"the owner's own choice"], "with ack = disk the owner appends again, or refuses");
    assert_eq!(log.stats().restored, 0);
}
