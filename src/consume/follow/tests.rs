//! The loop against a real log in a temporary folder.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use crate::consume::{BatchBounds, Lag, Receipt};
use crate::log::cursor::Cursors;
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::read::merge::{MergePosition, RepeatWindow};
use crate::log::{Log, Options, Writer};

use super::*;

mod batches;
mod cursor;
mod failures;
mod lag;
mod receipts;

/// The longest that any step of a test waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

const RECORD_BYTES: u64 = 20_000;

/// A log in a temporary folder, with one writer.
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

    /// Closes the log, which seals its segments.
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
            recent: None,
            repeats: RepeatWindow::default(),
            behind: None,
            resume: None,
            keep_every: HOUR,
            backoff_first: Duration::from_millis(1),
            backoff_max: Duration::from_millis(1),
        }
    }

    /// The saved position.
    fn kept(&self) -> Option<MergePosition> {
        let cursors = Cursors::of(&LogReader::open(&self.log_dir()).unwrap());
        cursors.read(&self.consumer().name).unwrap().map(|cursor| cursor.position)
    }

    /// The number of the record at a position; `None` at the end.
    fn number_at(&self, position: &MergePosition) -> Option<u64> {
        let mut source =
            LogSource::open(LogReader::open(&self.log_dir()).unwrap(), Some(position), RepeatWindow::default())
                .unwrap();
        source.next(None).unwrap().map(|record| number(record.payload))
    }

    /// The number of the record at the saved cursor.
    fn kept_number(&self) -> Option<u64> {
        self.number_at(&self.kept()?)
    }
}

fn number(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().unwrap())
}

/// A handler made from a closure. It collects failures.
struct Closure<F> {
    take: F,
    failures: Vec<String>,
}

impl<F: FnMut(&mut Batch<'_>) -> AfterBatch> Handler for Closure<F> {
    fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch {
        (self.take)(batch)
    }

    fn failed(&mut self, failure: Failure<'_>) {
        self.failures.push(match failure {
            Failure::Read(error) => format!("read: {error}"),
            Failure::Keep(error) => format!("keep: {error}"),
        });
    }
}

/// Follows until the closure ends it, and returns the failures.
fn run(consumer: &Consumer, take: impl FnMut(&mut Batch<'_>) -> AfterBatch) -> Vec<String> {
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

/// The records from the saved cursor to the end of the log.
fn rest(consumer: &Consumer) -> Vec<u64> {
    let mut rest = Vec::new();
    run(consumer, |batch| {
        rest.extend(all(batch));
        AfterBatch::End
    });
    rest
}

/// Stops the consumer if a test fails, which would otherwise wait for it for ever.
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
