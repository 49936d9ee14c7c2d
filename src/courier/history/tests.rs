use std::collections::BTreeMap;

use uuid::Uuid;

use crate::log::read::merge::Place;

use super::*;

const RESEND: Duration = Duration::from_secs(60);

fn name() -> ConsumerName {
    "courier-test".parse().unwrap()
}

fn at(log: u128, offset: u64) -> MergePosition {
    let cores = BTreeMap::from([(0, Place { segment: 1, offset })]);
    MergePosition { log: Uuid::from_u128(log), cores, behind: BTreeMap::new() }
}

/// Writes a history with checkpoints at these offsets and times.
fn write(data: &Path, checkpoints: &[(u64, u64)]) {
    let mut history = History::open(data, &name(), None);
    let one = |&(offset, time_ms)| Checkpoint { position: at(7, offset), time_ms, mark: offset.to_string() };
    history.checkpoints = checkpoints.iter().map(one).collect();
    history.write().unwrap();
}

fn offsets(history: &History) -> Vec<u64> {
    history.checkpoints.iter().map(|checkpoint| checkpoint.position.cores[&0].offset).collect()
}

#[test]
fn a_history_comes_back_and_without_a_cursor_there_is_none() {
    let data = tempfile::tempdir().unwrap();
    write(data.path(), &[(64, 1), (128, 2)]);
    assert_eq!(offsets(&History::open(data.path(), &name(), Some(at(7, 64)))), [64, 128]);
    assert_eq!(History::open(data.path(), &name(), None).oldest_position(), None);
    History::forget(data.path(), &name()).unwrap();
    History::forget(data.path(), &name()).unwrap();
    assert_eq!(offsets(&History::open(data.path(), &name(), Some(at(7, 64)))), [64]);
}

#[test]
fn a_history_that_is_torn_or_of_another_log_begins_at_the_saved_cursor() {
    let data = tempfile::tempdir().unwrap();
    write(data.path(), &[(64, 1), (128, 2)]);
    let history = History::open(data.path(), &name(), Some(at(8, 512)));
    assert_eq!(history.oldest_position(), Some(at(8, 512)));
    let whole = fs::read(&history.path).unwrap();
    for torn in [&whole[..whole.len() / 2], b"", b"[{}]", b"null"] {
        fs::write(&history.path, torn).unwrap();
        assert_eq!(offsets(&History::open(data.path(), &name(), Some(at(7, 512)))), [512]);
    }
}

#[test]
fn a_clock_that_is_set_back_holds_the_log_no_longer_than_any_other() {
    let data = tempfile::tempdir().unwrap();
    let year_ms = 365 * 24 * 3_600_000;
    write(data.path(), &[(64, now_ms() + year_ms), (128, now_ms() + 2 * year_ms), (192, u64::MAX)]);
    let mut history = History::open(data.path(), &name(), Some(at(7, 64)));
    history.add(&at(7, 256), "256".to_owned(), RESEND, |_| false);
    assert!(history.checkpoints.iter().all(|checkpoint| checkpoint.time_ms <= now_ms()));
    // As if the time of a resend had passed.
    history.checkpoints.iter_mut().for_each(|checkpoint| checkpoint.time_ms -= 2 * RESEND.as_millis() as u64);
    history.add(&at(7, 320), "320".to_owned(), RESEND, |_| false);
    assert_eq!(offsets(&history), [192, 320]);
}
