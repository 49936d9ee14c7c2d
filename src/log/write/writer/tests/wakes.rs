//! Nobody waits for a timer.

use crate::log::recent::NoBlock;

use super::*;

/// Writes ten segments as fast as the log accepts them; returns how often a timer had to release the writer.
fn late_wakes(way: Way, format_ahead: bool) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        way,
        format_ahead,
        segment_bytes: 8 << 20,
        window_bytes: 1 << 20,
        group_bytes_max: 512 << 10,
        ..options(dir.path())
    };
    let (log, _) = Log::open(options).unwrap();
    let mut core = Core::new(&log, 0);
    let payload = vec![5; 1_000];
    while log.stats().sealed < 10 {
        for _ in 0..64 {
            core.append(&batch(&payload));
        }
        core.progress();
        core.writer.kick();
    }
    log.stats().late_wakes
}

#[test]
fn a_writer_at_full_rate_is_never_let_go_by_a_timer_alone() {
    for way in [Way::Mapped, Way::Direct] {
        for format_ahead in [true, false] {
            assert_eq!(late_wakes(way, format_ahead), 0, "{way:?}, formatted: {format_ahead}");
        }
    }
}

#[test]
fn a_writer_that_pauses_at_the_end_of_what_is_formatted_is_let_go_without_a_timer() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { segment_bytes: 16 << 20, window_bytes: 1 << 20, group_bytes_max: 1 << 20, ..options(dir.path()) };
    let (log, _) = Log::open(options).unwrap();
    let mut core = Core::new(&log, 0);
    let payload = vec![5; 50_000];
    for _ in 0..6 {
        // Time for the preparer to finish formatting ahead, and to fall asleep.
        thread::sleep(Duration::from_millis(100));
        for _ in 0..60 {
            core.append(&batch(&payload));
            core.progress();
            core.writer.kick();
        }
    }
    assert_eq!(log.stats().late_wakes, 0);
}

#[test]
fn a_writer_that_the_hasher_lets_go_before_it_waits_is_woken() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(options(dir.path())).unwrap();
    let core = Core::new(&log, 0);
    let inner = core.writer.inner.as_ref().unwrap();
    assert_eq!(inner.wait_for_stage(NoBlock::Held), AppendError::NotReady);
    assert_eq!(inner.core.wait.what(), None, "nobody would end this wait");
    // The wake was ours.
    let begun = Instant::now();
    thread::park_timeout(PATIENCE);
    assert!(begun.elapsed() < PATIENCE, "nobody woke the core");
}
