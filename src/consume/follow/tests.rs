//! The loop against a real log in a folder of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use crate::consume::{BatchBounds, Lag, Receipt};
use crate::log::cursor::Cursors;
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::read::merge::MergePosition;
use crate::log::{Log, Options, Writer};

use super::*;

/// No step of a test waits longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

const RECORD_BYTES: u64 = 20_000;

/// A log in a folder of its own, with one writer.
struct Written {
    dir: tempfile::TempDir,
    log: Log,
    writer: Option<Writer>,
    records: u64,
}

impl Written {
    fn new(records: u64) -> Written {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let options = Options {
            dir: dir.path().join("log"),
            segment_bytes: 256 << 10,
            window_bytes: 64 << 10,
            group_bytes_max: 64 << 10,
            start_reserve_bytes: 8 << 10,
            reserve_bytes: 1 << 20,
            insist: true,
            ..Options::default()
        };
        let (log, _) = Log::open(options).unwrap();
        let writer = Some(log.writer(0).unwrap());
        let mut written = Written { dir, log, writer, records: 0 };
        written.append(records);
        written
    }

    /// Appends records that begin with their numbers, and waits until they are durable.
    fn append(&mut self, records: u64) {
        let writer = self.writer.as_mut().unwrap();
        let begun = Instant::now();
        let pause = || {
            assert!(begun.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(1));
        };
        for number in self.records + 1..=self.records + records {
            let payload = number.to_le_bytes().repeat(RECORD_BYTES as usize / 8);
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
            while writer.append(&entry).is_err() {
                writer.progress();
                writer.kick();
                pause();
            }
        }
        self.records += records;
        while writer.progress().acked.0 < self.records {
            writer.kick();
            pause();
        }
    }

    /// Seals all there is.
    fn close(&mut self) {
        self.writer = None;
        self.log.close().unwrap();
    }

    fn log_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("log")
    }

    fn consumer(&self) -> Consumer {
        Consumer {
            log_dir: self.log_dir(),
            name: "consumer".parse().unwrap(),
            begin: From::Start,
            holds: false,
            batch: BatchBounds { bytes: u64::MAX, time: HOUR },
            idle: Duration::from_millis(5),
            keep_every: HOUR,
            backoff_first: Duration::from_millis(1),
            backoff_max: Duration::from_millis(1),
        }
    }

    /// The position that is kept on disk.
    fn kept(&self) -> Option<MergePosition> {
        let cursors = Cursors::of(&LogReader::open(&self.log_dir()).unwrap());
        cursors.read(&self.consumer().name).unwrap().map(|cursor| cursor.position)
    }

    /// The number of the record at a position; None at the end.
    fn number_at(&self, position: &MergePosition) -> Option<u64> {
        let mut source = Source::open(LogReader::open(&self.log_dir()).unwrap(), Some(position)).unwrap();
        source.next().unwrap().map(|record| number(record.payload))
    }

    /// The number of the record at the kept cursor.
    fn kept_number(&self) -> Option<u64> {
        self.number_at(&self.kept()?)
    }
}

fn number(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().unwrap())
}

/// A handler that is a closure, and remembers failures.
struct Closure<F> {
    take: F,
    failures: Vec<String>,
}

impl<F: FnMut(&mut Batch<'_>) -> Step> Handler for Closure<F> {
    fn take(&mut self, batch: &mut Batch<'_>) -> Step {
        (self.take)(batch)
    }

    fn failed(&mut self, failure: Failure<'_>) {
        self.failures.push(match failure {
            Failure::Read(error) => format!("read: {error}"),
            Failure::Keep(error) => format!("keep: {error}"),
        });
    }
}

/// Follows until the closure ends it; the failures.
fn run(consumer: &Consumer, take: impl FnMut(&mut Batch<'_>) -> Step) -> Vec<String> {
    let mut handler = Closure { take, failures: Vec::new() };
    follow(consumer, &Handle::default(), &mut handler).unwrap();
    handler.failures
}

/// All records that the batch lends.
fn all(batch: &mut Batch<'_>) -> Vec<u64> {
    std::iter::from_fn(|| batch.next().map(|record| number(record.payload))).collect()
}

fn some(batch: &mut Batch<'_>, count: usize) -> Vec<u64> {
    std::iter::from_fn(|| batch.next().map(|record| number(record.payload))).take(count).collect()
}

/// What is left to be taken from the kept cursor on, up to the end of the log.
fn rest(consumer: &Consumer) -> Vec<u64> {
    let mut rest = Vec::new();
    run(consumer, |batch| {
        rest.extend(all(batch));
        Step::End
    });
    rest
}

/// Ends the consumer when a test fails, which would wait for it otherwise.
struct StopOnDrop<'a>(&'a Handle);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn it_begins_at_the_kept_cursor_and_without_one_where_the_settings_say() {
    let mut written = Written::new(10);
    let consumer = written.consumer();
    run(&consumer, |batch| {
        assert_eq!(some(batch, 4), [1, 2, 3, 4]);
        Step::End
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
            Step::Continue
        };
        assert!(catch_unwind(AssertUnwindSafe(|| run(&consumer, crash))).is_err());
        assert_eq!(rest(&consumer), (again_from..=10).collect::<Vec<u64>>());
        Cursors::of(&LogReader::open(&consumer.log_dir).unwrap()).remove(&consumer.name).unwrap();
    }
}

#[test]
fn a_batch_is_bounded_by_its_bytes_and_by_its_time() {
    let written = Written::new(8);
    let batches = |batch: BatchBounds, work: Duration| {
        let consumer = Consumer { batch, name: "bounds".parse().unwrap(), ..written.consumer() };
        let mut batches = Vec::new();
        run(&consumer, |batch| {
            let mut records = 0;
            while batch.next().is_some() {
                records += 1;
                thread::sleep(work);
            }
            batches.push(records);
            if batches.iter().sum::<u64>() < 8 { Step::Continue } else { Step::End }
        });
        Cursors::of(&LogReader::open(&consumer.log_dir).unwrap()).remove(&consumer.name).unwrap();
        batches
    };
    // The third record brings it to its size.
    let bytes = 2 * RECORD_BYTES + 1;
    assert_eq!(batches(BatchBounds { bytes, time: HOUR }, Duration::ZERO), [3, 3, 2]);
    let time = Duration::from_millis(50);
    let by_time = batches(BatchBounds { bytes: u64::MAX, time }, Duration::from_millis(20));
    // Its time may be over after one record on a slow machine, and is over after three.
    assert!(by_time.len() > 2 && by_time.iter().all(|records| (1..=3).contains(records)), "{by_time:?}");
    assert_eq!(batches(BatchBounds { bytes: 0, time: Duration::ZERO }, Duration::ZERO), [1; 8]);
}

#[test]
fn a_stop_is_prompt_at_the_end_of_the_log_and_while_a_handler_fails_or_pauses() {
    let written = Written::new(3);
    for step in [Step::Continue, Step::Retry, Step::Pause(HOUR)] {
        let consumer = Consumer { idle: HOUR, backoff_first: HOUR, backoff_max: HOUR, ..written.consumer() };
        let (handle, taken) = (Handle::default(), Mutex::new(0));
        thread::scope(|scope| {
            let follower = scope.spawn(|| {
                let take = |batch: &mut Batch<'_>| {
                    *taken.lock().unwrap() += all(batch).len();
                    step
                };
                follow(&consumer, &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
            });
            let _stop = StopOnDrop(&handle);
            wait_for("records are taken", || *taken.lock().unwrap() == 3);
            thread::sleep(Duration::from_millis(20));
            assert!(!follower.is_finished());
            let stopped = Instant::now();
            handle.stop();
            follower.join().unwrap();
            assert!(stopped.elapsed() < Duration::from_secs(5), "{step:?}: {:?}", stopped.elapsed());
        });
        let left: &[u64] = if step == Step::Retry { &[1, 2, 3] } else { &[] };
        assert_eq!(rest(&written.consumer()), left);
        Cursors::of(&LogReader::open(&consumer.log_dir).unwrap()).remove(&consumer.name).unwrap();
    }
}

#[test]
fn a_stop_ends_a_batch() {
    let written = Written::new(10);
    let handle = Handle::default();
    let mut taken = Vec::new();
    let take = |batch: &mut Batch<'_>| {
        taken.extend(some(batch, 2));
        handle.stop();
        assert!(batch.is_stopping());
        taken.extend(all(batch));
        Step::Continue
    };
    follow(&written.consumer(), &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
    assert_eq!(taken, [1, 2]);
    assert_eq!(written.kept_number(), Some(3));
}

#[test]
fn a_batch_that_is_retried_comes_again_after_pauses_that_grow() {
    let written = Written::new(4);
    let (first, max) = (Duration::from_millis(20), Duration::from_millis(300));
    let consumer = Consumer { backoff_first: first, backoff_max: max, ..written.consumer() };
    let mut taken = Vec::new();
    let mut times = Vec::new();
    run(&consumer, |batch| {
        times.push(Instant::now());
        taken.push(some(batch, 2));
        match taken.len() {
            2..=6 | 8 => Step::Retry,
            9 => Step::End,
            _ => Step::Continue,
        }
    });
    let (one, two) = (vec![1, 2], vec![3, 4]);
    assert_eq!(taken[0], one);
    assert_eq!(taken[1..7], [two.clone(), two.clone(), two.clone(), two.clone(), two.clone(), two]);
    assert_eq!(taken[7..], [Vec::<u64>::new(), Vec::new()]);
    let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (at, least_ms) in [(1, 20), (2, 40), (3, 80), (4, 160), (5, 300), (7, 20)] {
        assert!(pauses[at] >= Duration::from_millis(least_ms), "pause {at}: {pauses:?}");
    }
    // A success in between makes the next failure the first again.
    assert!(pauses[7] < max, "{pauses:?}");
}

#[test]
fn a_log_that_can_t_be_read_is_tried_again_until_it_can() {
    let mut written = Written::new(2);
    written.close();
    let away = written.dir.path().join("away");
    std::fs::rename(written.log_dir(), &away).unwrap();
    let (consumer, handle) = (written.consumer(), Handle::default());
    let failures = Mutex::new(0);
    struct Counts<'a>(&'a Mutex<u32>, Vec<u64>);
    impl Handler for Counts<'_> {
        fn take(&mut self, batch: &mut Batch<'_>) -> Step {
            self.1.extend(all(batch));
            if self.1.is_empty() { Step::Continue } else { Step::End }
        }
        fn failed(&mut self, failure: Failure<'_>) {
            assert!(matches!(failure, Failure::Read(_)));
            *self.0.lock().unwrap() += 1;
        }
    }
    thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut handler = Counts(&failures, Vec::new());
            follow(&consumer, &handle, &mut handler).unwrap();
            handler.1
        });
        let _stop = StopOnDrop(&handle);
        wait_for("it fails", || *failures.lock().unwrap() >= 3);
        std::fs::rename(&away, written.log_dir()).unwrap();
        assert_eq!(follower.join().unwrap(), [1, 2]);
    });
}

#[test]
fn the_cursor_stays_before_what_is_not_confirmed_and_follows_when_it_is() {
    let written = Written::new(6);
    let consumer = Consumer { keep_every: Duration::ZERO, holds: true, ..written.consumer() };
    let (handle, receipts) = (Handle::default(), Mutex::new(Vec::<Receipt>::new()));
    thread::scope(|scope| {
        scope.spawn(|| {
            let take = |batch: &mut Batch<'_>| {
                if !some(batch, 2).is_empty() {
                    receipts.lock().unwrap().push(batch.receipt());
                }
                Step::Continue
            };
            follow(&consumer, &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
        });
        let _stop = StopOnDrop(&handle);
        let confirm = |at: usize| receipts.lock().unwrap().remove(at).confirm();
        let stays_at = |number| {
            // It is kept after each batch, and at the end of the log after each rest.
            for _ in 0..20 {
                assert_eq!(written.kept_number(), number);
                thread::sleep(Duration::from_millis(2));
            }
        };
        wait_for("all is read", || receipts.lock().unwrap().len() == 3);
        stays_at(Some(1));
        confirm(1);
        stays_at(Some(1));
        confirm(0);
        wait_for("the cursor follows", || written.kept_number() == Some(5));
        stays_at(Some(5));
        confirm(0);
        wait_for("the cursor follows", || written.kept_number().is_none());
    });
}

#[test]
fn what_is_not_confirmed_comes_again_after_a_stop_and_after_its_receipt_is_dropped() {
    let written = Written::new(6);
    let consumer = Consumer { holds: true, ..written.consumer() };
    let mut taken = Vec::new();
    let mut receipts = Vec::new();
    run(&consumer, |batch| {
        taken.push(some(batch, 2));
        receipts.push(batch.receipt());
        match taken.len() {
            3 => {
                let third = receipts.pop();
                drop(receipts.pop());
                receipts.pop().unwrap().confirm();
                receipts.extend(third);
                Step::Continue
            }
            5 => Step::End,
            _ => Step::Continue,
        }
    });
    assert_eq!(taken, [[1, 2], [3, 4], [5, 6], [3, 4], [5, 6]]);
    drop(receipts);
    assert_eq!(rest(&consumer), [3, 4, 5, 6]);
}

#[test]
fn lag_is_what_is_left_in_records_bytes_and_time() {
    let mut written = Written::new(30);
    let consumer = Consumer { keep_every: Duration::ZERO, ..written.consumer() };
    let handle = Handle::default();
    assert_eq!(handle.lag().unwrap(), None);
    let mut batches = 0;
    let mut lags = Vec::new();
    let mut first_us = 0;
    let take = |batch: &mut Batch<'_>| {
        lags.push(handle.lag().unwrap());
        batches += 1;
        match batches {
            1 => first_us = batch.next().unwrap().order_us,
            2 => drop(some(batch, 14)),
            3 => drop(all(batch)),
            4 => {
                written.append(3);
                thread::sleep(Duration::from_millis(30));
                lags.push(handle.lag().unwrap());
                written.close();
                lags.push(handle.lag().unwrap());
                return Step::End;
            }
            _ => unreachable!(),
        }
        Step::Continue
    };
    follow(&consumer, &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
    let lags: Vec<Lag> = lags.into_iter().flatten().collect();
    let [before, one, half, none, new, sealed] = lags[..] else { panic!("{lags:?}") };
    let about = |lag: Lag, records: u64| {
        let bytes = RECORD_BYTES * records..(RECORD_BYTES + 4096) * records;
        assert!(bytes.contains(&lag.bytes), "{records}: {lag:?}");
        // Where segments are not sealed, records are told by their bytes, and padding counts.
        assert!((records..=records + 1 + records / 5).contains(&lag.records), "{records}: {lag:?}");
    };
    about(before, 30);
    about(one, 29);
    about(half, 15);
    let now_us = LogReader::open(&consumer.log_dir).unwrap().now_us();
    assert!(one.time > Duration::ZERO && one.time <= Duration::from_micros(now_us - first_us), "{one:?}");
    assert_eq!(none, Lag::default());
    about(new, 3);
    assert!((Duration::from_millis(30)..PATIENCE).contains(&new.time), "{new:?}");
    about(sealed, 3);
    assert_eq!(sealed.records, 3);
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
        Step::Continue
    };
    let ended = follow(&consumer, &Handle::default(), &mut Closure { take, failures: Vec::new() });
    assert!(matches!(ended, Err(LogError::Consumer { .. })), "{ended:?}");
    assert!(cursors.read(&consumer.name).unwrap().is_none());
}

#[test]
fn a_skip_to_the_end_leaves_out_what_is_there_and_nothing_that_comes() {
    let mut written = Written::new(5);
    let consumer = written.consumer();
    let mut taken = Vec::new();
    let mut batches = 0;
    run(&consumer, |batch| {
        taken.extend(some(batch, 2));
        batches += 1;
        match batches {
            1 => return Step::SkipToEnd(Duration::from_millis(1)),
            2 => written.append(1),
            _ => return Step::End,
        }
        Step::Continue
    });
    assert_eq!(taken, [1, 2, 6]);
}
