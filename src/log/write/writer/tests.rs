//! The guarantees of the append path, on small segments, so that every test rolls over and waits.

use std::path::Path;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::log::format::control;
use crate::log::format::control::{ControlSnapshot, ControlView};
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Topic};
use crate::log::read::merge::Merge;
use crate::log::read::reader::{LogReader, core_dir};
use crate::log::{Ack, AppendError, Log, Options, Progress, Seq, Way, Writer};

mod carry;
mod direct;
mod durability;
mod failure;
mod forget;
mod kill;
mod room;
mod wakes;

/// No step of a test may wait longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// All of these guarantees hold either way; the variable runs them the other way.
fn way() -> Way {
    if std::env::var_os("TAKEUP_TEST_DIRECT").is_some() { Way::Auto } else { Way::Mapped }
}

fn options(dir: &Path) -> Options {
    Options {
        dir: dir.join("log"),
        segment_bytes: 256 << 10,
        window_bytes: 64 << 10,
        group_bytes_max: 64 << 10,
        start_reserve_bytes: 8 << 10,
        reserve_bytes: 1 << 20,
        insist: true,
        way: way(),
        ..Options::default()
    }
}

fn entry(kind: Kind, payload: &[u8]) -> Entry<'_> {
    Entry {
        kind,
        topic: Topic::Raw,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload,
    }
}

fn batch(payload: &[u8]) -> Entry<'_> {
    entry(Kind::Batch, payload)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// A miniature core: appends with retries, and ends a turn with a kick.
struct Core {
    writer: Writer,
    refusals: u64,
    lost: Vec<(Seq, Seq)>,
    acked: Seq,
}

impl Core {
    fn new(log: &Log, core: u16) -> Core {
        let writer = log.writer(core).unwrap();
        writer.register(&waker());
        Core { writer, refusals: 0, lost: Vec::new(), acked: Seq(0) }
    }

    fn progress(&mut self) -> Progress {
        let progress = self.writer.progress();
        assert!(progress.acked >= self.acked, "what was acknowledged stays so");
        self.acked = progress.acked;
        self.lost.extend(progress.lost);
        progress
    }

    /// Sleeps until the log wakes us: a missing wake fails the test, so nothing here polls.
    fn wait(&mut self) {
        let begun = Instant::now();
        thread::park_timeout(PATIENCE);
        assert!(begun.elapsed() < PATIENCE, "nobody woke the core");
        self.writer.register(&waker());
        self.progress();
        self.writer.kick();
    }

    fn append(&mut self, entry: &Entry<'_>) -> Seq {
        let begun = Instant::now();
        loop {
            self.writer.register(&waker());
            match self.writer.append(entry) {
                Ok(seq) => return seq,
                Err(AppendError::NotReady | AppendError::Failed(_) | AppendError::DiskFull) => {
                    self.refusals += 1;
                    assert!(begun.elapsed() < PATIENCE, "no room for a record");
                    self.wait();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Ends the turn and waits until everything appended may be answered, or is lost.
    fn settle(&mut self, seq: Seq) {
        self.writer.register(&waker());
        self.progress();
        self.writer.kick();
        while self.acked < seq && self.lost.last().is_none_or(|&(_, last)| last < seq) {
            self.wait();
        }
    }
}

fn control(log: &Log, core: u16) -> ControlSnapshot {
    ControlView::read(&core_dir(log.dir(), core).join(control::FILE_NAME)).unwrap()
}

/// Every record that an outside reader may see, as (order time, payload).
fn read_all(log_dir: &Path) -> Vec<(u64, Vec<u8>)> {
    let mut merge = Merge::new(LogReader::open(log_dir).unwrap());
    let mut records = Vec::new();
    while let Some(record) = merge.next().unwrap() {
        records.push((record.order_us, record.payload.to_vec()));
    }
    assert!(merge.damage().is_empty(), "{:?}", merge.damage());
    records
}

fn payloads(log_dir: &Path) -> Vec<Vec<u8>> {
    read_all(log_dir).into_iter().map(|(_, payload)| payload).collect()
}

fn files(log: &Path, core: u16, extension: &str) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(core_dir(log, core))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    found
}
