//! Who reads a log of several cores, of which some are behind others.

use std::time::Instant;

use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Label, Topic};
use crate::log::{Log, Options, Writer};

use super::super::super::handle::Sessions;
use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

struct Two {
    sessions: Sessions,
    writers: Vec<Writer>,
    sent: [u64; 2],
    count: u32,
    log: Log,
    _dir: tempfile::TempDir,
}

impl Two {
    fn new() -> Two {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let options = Options {
            dir: dir.path().join("log"),
            cores: 2,
            segment_bytes: 1 << 20,
            window_bytes: 512 << 10,
            group_bytes_max: 512 << 10,
            start_reserve_bytes: 8 << 10,
            reserve_bytes: 1 << 20,
            insist: true,
            ..Options::default()
        };
        let log_dir = options.dir.clone();
        let (log, _) = Log::open(options).unwrap();
        let writers = (0..2).map(|core| log.writer(core).unwrap()).collect();
        let sessions = Sessions::new(log_dir, Some(log.recent()));
        Two { sessions, writers, sent: [0; 2], count: 0, log, _dir: dir }
    }

    /// A record of session 1, with the next number.
    fn send(&mut self, core: usize, bytes: usize) {
        self.count += 1;
        let payload = self.count.to_le_bytes().repeat(bytes / 4);
        let entry = Entry {
            kind: Kind::Image,
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            session: 1,
            project: 1,
            split: 0,
            label: Some(Label { page: 0, number: self.count }),
            flags: Flags::HAS_LABEL,
            ext: &[],
            payload: &payload,
        };
        let deadline = Instant::now() + PATIENCE;
        while self.writers[core].append(&entry).is_err() {
            assert!(Instant::now() < deadline, "there is no room");
            self.writers[core].progress();
            self.writers[core].kick();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.sent[core] += 1;
        // Each has a time of its own.
        std::thread::sleep(Duration::from_micros(20));
    }

    fn store(&mut self, core: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.writers[core].progress().acked.0 < self.sent[core] {
            assert!(Instant::now() < deadline, "it is not stored");
            self.writers[core].kick();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn tail(&self) -> Tail {
        let mut tail = Tail::new(Arc::clone(&self.sessions.0));
        tail.open(0).unwrap();
        tail
    }

    /// Reads on until all that was sent has come and the others were joined: all of it once, and in order.
    fn gets_all(&self, tail: &mut Tail, mut got: Vec<u32>) {
        let deadline = Instant::now() + PATIENCE;
        while got.len() < self.count as usize || !matches!(tail.source, Source::Others(_)) {
            assert!(Instant::now() < deadline, "{} of {} after {PATIENCE:?}", got.len(), self.count);
            if step(tail, &mut got) == Step::End {
                tail.rest(Duration::from_millis(5));
            }
        }
        for _ in 0..50 {
            step(tail, &mut got);
        }
        assert!(got.iter().copied().eq(1..=self.count), "{got:?}");
    }
}

impl Drop for Two {
    fn drop(&mut self) {
        self.sessions.stop();
        self.writers.clear();
        self.log.close().unwrap();
    }
}

fn step(tail: &mut Tail, got: &mut Vec<u32>) -> Step {
    let take = |record: &Record<'_>| {
        got.push(record.label.unwrap().number);
        Ok(())
    };
    tail.next(1, take).unwrap()
}

#[test]
fn who_is_behind_joins_where_one_core_is_quiet_and_the_other_busy() {
    let mut two = Two::new();
    for number in 0..60 {
        two.send(1, 8_000);
        if number % 20 == 10 {
            two.send(0, 100);
        }
    }
    two.store(0);
    two.store(1);
    let (mut tail, mut got) = (two.tail(), Vec::new());
    tail.follow();
    for _ in 0..3 {
        step(&mut tail, &mut got);
    }
    // Meanwhile the reading for all begins.
    std::thread::sleep(Duration::from_millis(100));
    two.gets_all(&mut tail, got);
}

#[test]
fn who_has_read_all_joins_although_one_core_stores_later_than_the_other() {
    let mut two = Two::new();
    for _ in 0..30 {
        two.send(1, 8_000);
        two.send(0, 8_000);
    }
    two.store(0);
    two.store(1);
    let (mut tail, mut got) = (two.tail(), Vec::new());
    while step(&mut tail, &mut got) != Step::End {}
    tail.follow();
    two.send(0, 100);
    for _ in 0..16 {
        two.send(1, 8_000);
    }
    two.store(1);
    for _ in 0..3 {
        step(&mut tail, &mut got);
    }
    std::thread::sleep(Duration::from_millis(100));
    step(&mut tail, &mut got);
    two.store(0);
    two.gets_all(&mut tail, got);
}
