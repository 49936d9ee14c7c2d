//! A log for tests, and who has been asked for its sessions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::log::format::record::Entry;
use crate::log::{Log, Options, Writer};

use super::super::handle::Sessions;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A log with one writer, and who has been asked for its sessions.
pub(super) struct Written {
    pub(super) sessions: Sessions,
    writer: Option<Writer>,
    /// The last number of a record of each session.
    pub(super) counts: BTreeMap<u64, u32>,
    records: u64,
    pub(super) project: u32,
    log: Log,
    _dir: tempfile::TempDir,
}

impl Written {
    /// An empty log of a core.
    pub(super) fn new() -> Written {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let options = Options {
            dir: dir.path().join("log"),
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
        let writer = Some(log.writer(0).unwrap());
        let sessions = Sessions::new(log_dir, Some(log.recent()));
        Written { sessions, writer, counts: BTreeMap::new(), records: 0, project: 1, log, _dir: dir }
    }

    /// Adds a record.
    pub(super) fn append(&mut self, entry: &Entry<'_>) {
        let writer = self.writer.as_mut().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while writer.append(entry).is_err() {
            assert!(Instant::now() < deadline, "there is no room");
            writer.progress();
            writer.kick();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.records += 1;
    }

    /// Waits until all of them can be read.
    pub(super) fn store(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let writer = self.writer.as_mut().unwrap();
        while writer.progress().acked.0 < self.records {
            assert!(Instant::now() < deadline, "not stored");
            writer.kick();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// As when records of others are erased.
    pub(super) fn erase(&self) -> bool {
        self.sessions.reread(&|_, _| false, Instant::now() + PATIENCE)
    }

    /// Whether the thread runs that reads for all who watch.
    pub(super) fn runs(&self) -> bool {
        self.sessions.0.lock().feed_heard.is_some()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        self.sessions.stop();
        drop(self.writer.take());
        self.log.close().unwrap();
    }
}
