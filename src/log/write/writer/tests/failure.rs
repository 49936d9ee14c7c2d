//! A failed segment does not take the service down, and nothing on it is trusted.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::log::disk::page::PAGE_BYTES;
use crate::log::format::control::{State, at};
use crate::log::{Fault, Invariant, What};

use super::*;

fn fail_syncs(core: &Core, count: u32) {
    core.writer.segment().unwrap().syncs_to_fail.store(count, Ordering::SeqCst);
}

#[test]
fn a_failed_sync_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let kept = core.append(&batch(b"kept"));
    core.settle(kept);
    fail_syncs(&core, 1);
    core.append(&batch(b"lost a"));
    let lost = core.append(&batch(b"lost b"));
    core.settle(lost);
    assert_eq!(core.lost, [(Seq(2), Seq(3))]);
    assert_eq!(core.acked, kept, "what was lost is not acknowledged");

    let again = core.append(&batch(b"appended again"));
    core.settle(again);
    assert_eq!(core.acked, again);
    assert_eq!(control(&log, 0).state, State::Open);
    assert_eq!(log.stats().lost, 2);
    assert_eq!(payloads(log.dir()), [&b"kept"[..], b"appended again"]);
    drop(core);
    log.close().unwrap();
    assert_eq!(payloads(log.dir()), [&b"kept"[..], b"appended again"]);
    assert_eq!(files(log.dir(), 0, "open").len(), 0);
}

#[test]
fn a_failed_sync_takes_what_came_behind_it_along() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    core.append(&batch(b"first"));
    core.writer.segment().unwrap().sync_delay_ms.store(200, Ordering::SeqCst);
    fail_syncs(&core, 1);
    core.writer.kick();
    // While its sync is in flight, append as much as the log accepts.
    let mut last = Seq(1);
    let payload = vec![1; 3_000];
    while core.lost.is_empty() {
        core.writer.register(&waker());
        match core.writer.append(&batch(&payload)) {
            Ok(seq) => last = seq,
            Err(AppendError::NotReady | AppendError::Failed(_)) => core.wait(),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(last > Seq(1));
    assert_eq!(core.lost, [(Seq(1), last)]);
    let again = core.append(&batch(b"again"));
    core.settle(again);
    assert_eq!(payloads(log.dir()), [b"again"]);
}

#[test]
fn a_group_that_fails_behind_a_roll_over_takes_the_next_segment_along() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let seq = core.append(&batch(b"kept"));
    core.settle(seq);
    let first = Arc::clone(core.writer.segment().unwrap());
    let payload = vec![1; 3_000];
    // Fill the segment in settled groups, up to its last part.
    while first.cursor() + 40_000 < first.bytes {
        let seq = core.append(&batch(&payload));
        core.settle(seq);
    }
    let acked = core.acked;
    first.sync_delay_ms.store(300, Ordering::SeqCst);
    first.syncs_to_fail.store(1, Ordering::SeqCst);
    let mut last = core.append(&batch(b"its group fails"));
    core.writer.kick();
    while Arc::ptr_eq(&first, core.writer.segment().unwrap()) {
        last = core.append(&batch(&payload));
    }
    assert_eq!(control(&log, 0).segment, first.id, "the page names the oldest that is not durable as a whole");
    core.settle(last);
    assert_eq!(core.acked, acked);
    assert_eq!(core.lost, [(Seq(acked.0 + 1), last)]);
    let again = core.append(&batch(b"again"));
    core.settle(again);
    let seen = payloads(log.dir());
    assert_eq!(seen.len() as u64, acked.0 + 1);
    assert_eq!(seen.last().unwrap(), b"again");
}

#[test]
fn the_third_failure_within_a_minute_poisons_the_core() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    for _ in 0..3 {
        let seq = core.append(&batch(b"x"));
        fail_syncs(&core, 1);
        core.settle(seq);
    }
    assert_eq!(core.lost, [(Seq(1), Seq(1)), (Seq(2), Seq(2)), (Seq(3), Seq(3))]);
    let refused = core.writer.append(&batch(b"x")).unwrap_err();
    assert_eq!(refused, AppendError::Poisoned(Fault::Sync(libc::EIO)));
    assert_eq!(refused.reason(), "poisoned");
    assert_eq!(control(&log, 0).state, State::Poisoned);
    let health = log.health();
    assert!(!health.can_append && health.reason.unwrap().contains("poisoned"));
    drop(core);
    log.close().unwrap();
    assert!(payloads(log.dir()).is_empty());
}

#[test]
fn a_page_that_can_not_be_provided_fails_the_segment_and_not_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { way: Way::Mapped, ..options(dir.path()) }).unwrap();
    let mut core = Core::new(&log, 0);
    let kept = core.append(&batch(b"kept"));
    core.settle(kept);
    // Once the keeper has nothing left to populate, the file is cut under the mapping: the next page raises SIGBUS.
    let segment = Arc::clone(core.writer.segment().unwrap());
    core.writer.kick();
    while segment.ready() < segment.cursor() + (64 << 10) {
        thread::sleep(Duration::from_millis(5));
    }
    let path = segment.path.clone();
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(8192).unwrap();
    let seq = core.append(&batch(&[9; 6_000]));
    core.settle(seq);
    assert_eq!(core.lost, [(seq, seq)]);
    let again = core.append(&batch(b"again"));
    core.settle(again);
    assert_eq!(payloads(log.dir()), [&b"kept"[..], b"again"]);
    assert_eq!(log.stats().failures, 1);
}

#[test]
fn a_failure_at_the_end_is_not_believed_either() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let kept = core.append(&batch(b"kept"));
    core.settle(kept);
    fail_syncs(&core, 1);
    core.append(&batch(b"never acknowledged"));
    drop(core);
    log.close().unwrap();
    assert_eq!(payloads(log.dir()), [b"kept"]);
}

fn poison(core: &mut Core) {
    for _ in 0..3 {
        let seq = core.append(&batch(b"lost"));
        fail_syncs(core, 1);
        core.settle(seq);
    }
    let refused = core.writer.append(&batch(b"refused")).unwrap_err();
    assert_eq!(refused, AppendError::Poisoned(Fault::Sync(libc::EIO)));
}

fn notices(log: &Log) -> Vec<What> {
    std::iter::from_fn(|| log.next_notice()).map(|notice| notice.what).collect()
}

#[test]
fn a_reopened_core_takes_records_again_on_a_segment_that_has_proved_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let kept = core.append(&batch(b"kept"));
    core.settle(kept);
    poison(&mut core);
    assert!(log.is_poisoned(0));
    let said = notices(&log);
    assert_eq!(said.iter().filter(|what| matches!(what, What::Failed { path: Some(_), .. })).count(), 3, "{said:?}");
    assert!(matches!(said.last(), Some(What::Poisoned { .. })), "{said:?}");

    let reopened = log.reopen(PATIENCE);
    assert_eq!((reopened[0].before, reopened[0].after, &reopened[0].reason), (State::Poisoned, State::Open, &None));
    assert!(!log.is_poisoned(0) && log.health().can_append);
    let again = core.append(&batch(b"again"));
    core.settle(again);
    assert_eq!(core.acked, again);
    assert_eq!(control(&log, 0).state, State::Open);
    assert_eq!(payloads(log.dir()), [&b"kept"[..], b"again"]);
    let said = notices(&log);
    assert!(matches!(&said[..], [What::Reopened, What::Recovered { .. }]), "{said:?}");
    // The earlier failures are forgotten: it takes three again.
    poison(&mut core);
    drop(core);
    log.close().unwrap();
}

#[test]
fn a_core_that_is_reopened_on_a_broken_disk_is_poisoned_again() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let kept = core.append(&batch(b"kept"));
    core.settle(kept);
    let (folder, away) = (core_dir(log.dir(), 0), log.dir().join("away"));
    poison(&mut core);
    // The folder is gone for a while, as when a disk is unmounted; a segment created earlier would do without it.
    let fresh = &log.shared().cores[0].fresh;
    let began = Instant::now();
    while fresh.is_empty() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::fs::rename(&folder, &away).unwrap();
    drop(fresh.pop());
    let reopened = log.reopen(PATIENCE);
    assert_eq!((reopened[0].before, reopened[0].after), (State::Poisoned, State::Poisoned));
    assert!(reopened[0].reason.as_ref().unwrap().contains("poisoned"), "{reopened:?}");
    assert!(!log.health().can_append);

    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(log.reopen(PATIENCE)[0].after, State::Open);
    let again = core.append(&batch(b"again"));
    core.settle(again);
    assert_eq!(payloads(log.dir()), [&b"kept"[..], b"again"]);
    drop(core);
    log.close().unwrap();
}

#[test]
fn reopening_a_sound_log_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { cores: 2, ..options(dir.path()) }).unwrap();
    let mut core = Core::new(&log, 0);
    let seq = core.append(&batch(b"kept"));
    core.settle(seq);
    let segment = control(&log, 0).segment;
    // Wait for a core that has just been started.
    for core in log.reopen(PATIENCE) {
        assert_eq!((core.after, core.reason), (State::Open, None));
    }
    let seq = core.append(&batch(b"more"));
    core.settle(seq);
    assert_eq!(control(&log, 0).segment, segment);
    assert!(notices(&log).is_empty());
}

#[test]
fn one_poisoned_core_leaves_the_log_able_to_take_records() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(Options { cores: 2, ..options(dir.path()) }).unwrap();
    let (mut sick, mut well) = (Core::new(&log, 0), Core::new(&log, 1));
    poison(&mut sick);
    assert!(log.is_poisoned(0) && !log.is_poisoned(1));
    assert_eq!(log.health(), crate::log::Health { can_append: true, reason: None });
    let cores = log.cores();
    assert!(cores[0].reason.is_some() && cores[1].reason.is_none(), "{cores:?}");
    let seq = well.append(&batch(b"taken"));
    well.settle(seq);
    assert_eq!(payloads(log.dir()), [b"taken"]);
    poison(&mut well);
    assert!(!log.health().can_append);
}

#[test]
fn a_slow_disk_is_counted_and_spoken_of_once() {
    let dir = tempfile::tempdir().unwrap();
    let slow_sync = Duration::from_millis(20);
    let (log, _) = Log::open(Options { slow_sync, ..options(dir.path()) }).unwrap();
    let mut core = Core::new(&log, 0);
    let seq = core.append(&batch(b"quick"));
    core.settle(seq);
    core.writer.segment().unwrap().sync_delay_ms.store(30, Ordering::SeqCst);
    for _ in 0..3 {
        let seq = core.append(&batch(b"slow"));
        core.settle(seq);
    }
    assert!(log.stats().slow_syncs >= 3);
    let slow = notices(&log).into_iter().filter(|what| matches!(what, What::Slow { .. })).count();
    assert_eq!(slow, 1);
}

#[test]
fn notices_that_nobody_takes_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let core = &log.shared().cores[0];
    for count in 0..2 * crate::log::write::notice::NOTICES_MAX as u64 {
        core.notify(What::Slow { took: Duration::ZERO, count });
    }
    let said = notices(&log);
    assert_eq!(said.len(), crate::log::write::notice::NOTICES_MAX);
    let newest = What::Slow { took: Duration::ZERO, count: 2 * crate::log::write::notice::NOTICES_MAX as u64 - 1 };
    assert_eq!(said.last(), Some(&newest));
}

/// Breaks an invariant from outside the writer; expects it to be named, the records lost and not acknowledged, and the core to go on.
fn expect_broken(invariant: Invariant, break_it: impl FnOnce(&Log, &mut Core)) {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let mut core = Core::new(&log, 0);
    let kept = core.append(&batch(b"kept"));
    core.settle(kept);
    core.append(&batch(b"lost"));
    break_it(&log, &mut core);
    core.settle(Seq(2));
    assert_eq!((core.acked, &core.lost[..]), (kept, &[(Seq(2), Seq(2))][..]), "{invariant:?}");
    let fault = Fault::Invariant(invariant);
    let notices: Vec<_> = std::iter::from_fn(|| log.next_notice()).collect();
    let told = |notice: &crate::log::Notice| matches!(&notice.what, What::Failed { fault: told, .. } if *told == fault);
    assert!(notices.iter().any(told), "{invariant:?}: {notices:?}");
    assert_eq!(log.stats().failures_by_cause[fault.index()], 1);
    let again = core.append(&batch(b"again"));
    core.settle(again);
    assert_eq!(core.acked, again);
    drop(core);
    log.close().unwrap();
    let read = payloads(log.dir());
    assert!(read.starts_with(&[b"kept".to_vec()]) && read.ends_with(&[b"again".to_vec()]), "{read:?}");
}

#[test]
fn a_broken_invariant_fails_the_segment_and_names_itself() {
    expect_broken(Invariant::GroupBegin, |_, core| core.writer.inner().open.from += 64);
    expect_broken(Invariant::Sequence, |_, core| core.writer.inner().open.records += 1);
    expect_broken(Invariant::GroupEnd, |_, core| core.writer.inner().cursor = 2 * PAGE_BYTES);
    expect_broken(Invariant::ControlPage, |log, _| {
        log.shared().cores[0].control.word(at::SEGMENT).fetch_sub(1, Ordering::SeqCst);
    });
}
