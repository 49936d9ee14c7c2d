//! The saved cursor: where a consumer begins, what a crash repeats, and what a removal does.

use super::*;

#[test]
fn it_begins_at_the_kept_cursor_and_without_one_where_the_settings_say() {
    let mut written = Written::new(10);
    let consumer = written.consumer();
    run(&consumer, |batch| {
        assert_eq!(some(batch, 4), [1, 2, 3, 4]);
        AfterBatch::End
    });
    assert_eq!(written.kept_number(), Some(5));
    assert_eq!(rest(&consumer), [5, 6, 7, 8, 9, 10]);
    assert!(rest(&consumer).is_empty());
    let at_end = Consumer { name: "another".parse().unwrap(), begin: From::End, ..consumer };
    assert!(rest(&at_end).is_empty());
    written.append(2);
    assert_eq!(rest(&at_end), [11, 12]);
}

#[test]
fn a_crash_repeats_what_came_since_the_last_kept_cursor_and_leaves_nothing_out() {
    let written = Written::new(10);
    for (keep_every, again_from) in [(Duration::ZERO, 7), (HOUR, 1)] {
        let consumer = Consumer { keep_every, ..written.consumer() };
        let mut batches = 0;
        let crash = |batch: &mut Batch<'_>| {
            some(batch, if batches < 2 { 3 } else { 2 });
            batches += 1;
            assert!(batches < 3, "the crash");
            AfterBatch::Continue
        };
        assert!(catch_unwind(AssertUnwindSafe(|| run(&consumer, crash))).is_err());
        assert_eq!(rest(&consumer), (again_from..=10).collect::<Vec<u64>>());
        Cursors::of(&LogReader::open(&consumer.log_dir).unwrap()).remove(&consumer.name).unwrap();
    }
}

#[test]
fn a_consumer_that_holds_ends_when_it_is_removed() {
    let written = Written::new(2);
    let consumer = Consumer { holds: true, keep_every: Duration::ZERO, ..written.consumer() };
    let cursors = Cursors::of(&LogReader::open(&consumer.log_dir).unwrap());
    let take = |batch: &mut Batch<'_>| {
        assert!(cursors.read(&consumer.name).unwrap().unwrap().holds);
        all(batch);
        cursors.remove(&consumer.name).unwrap();
        AfterBatch::Continue
    };
    let ended = follow(&consumer, &Handle::default(), &mut Closure { take, failures: Vec::new() });
    assert!(matches!(ended, Err(LogError::Consumer { .. })), "{ended:?}");
    assert!(cursors.read(&consumer.name).unwrap().is_none());
}
