//! Logs written by hand for tests: the encoders of the format, and plain file writes.

use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::log::format::control;
use crate::log::format::control::{State, at, clock_at};
use crate::log::format::header::{PAGE_BYTES, SegmentHeader};
use crate::log::format::record::{DataType, Encoding, Entry, Flags, Kind, Label, RecordHeader, Topic};
use crate::log::read::description;

use super::{LOCK_FILE_NAME, LOG_FILE_NAME, LogFile, core_dir, segment_stem};

/// The log that hand-made segments belong to.
pub const LOG: Uuid = Uuid::from_bytes([0xa5; 16]);

/// A temporary folder, in memory where there is such a file system: some tests sync thousands of times.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A segment in memory.
#[derive(Clone)]
pub struct HandSegment {
    pub core: u16,
    pub id: u64,
    pub marker: u64,
    pub bytes: Vec<u8>,
    /// The durable end that the next record's header will vouch for.
    pub durable: u64,
    pub number: u32,
}

impl HandSegment {
    pub fn new(core: u16, id: u64) -> HandSegment {
        let marker = (id.wrapping_mul(31).wrapping_add(0x5eed_0000_0000_0001 + u64::from(core))).max(1);
        let header = SegmentHeader { core, log: LOG, segment: id, marker, segment_bytes: 1 << 16 };
        let durable = PAGE_BYTES as u64;
        HandSegment { core, id, marker, bytes: header.encode().to_vec(), durable, number: 0 }
    }

    /// Appends a batch and tells its offset.
    pub fn batch(&mut self, order_us: u64, session: u64, payload: &[u8]) -> u64 {
        self.number += 1;
        let label = Some(Label { page: 0, number: self.number });
        self.record(
            order_us,
            &Entry { session, label, ext: &[2, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0], ..HandSegment::entry(payload) },
        )
    }

    /// A batch without a label, to be changed as a test needs it.
    pub fn entry(payload: &[u8]) -> Entry<'_> {
        Entry {
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
            payload,
        }
    }

    /// Appends a record and tells its offset.
    pub fn record(&mut self, order_us: u64, entry: &Entry<'_>) -> u64 {
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(&RecordHeader::encode(entry, self.marker, self.durable, order_us));
        self.bytes.extend_from_slice(entry.ext);
        self.bytes.extend_from_slice(entry.payload);
        self.bytes.resize(offset as usize + entry.stored_bytes(), 0);
        offset
    }

    /// Ends a group: a pad to the end of its page, and all of it durable.
    pub fn group(&mut self) {
        let rest = self.bytes.len().next_multiple_of(PAGE_BYTES) - self.bytes.len();
        if rest > 0 {
            let pad = RecordHeader::encode_pad(rest as u32 - 64, self.marker, self.durable, self.id);
            self.bytes.extend_from_slice(&pad);
            self.bytes.resize(self.bytes.len() + rest - 64, 0);
        }
        self.durable = self.bytes.len() as u64;
    }

    pub fn open_path(&self, log_dir: &Path) -> PathBuf {
        core_dir(log_dir, self.core).join(segment_stem(self.id)).with_extension("open")
    }

    pub fn seg_path(&self, log_dir: &Path) -> PathBuf {
        self.open_path(log_dir).with_extension("seg")
    }

    /// Writes it as a segment in use, `zeros` bytes longer than what is in it.
    pub fn write_open(&self, log_dir: &Path, zeros: usize) -> PathBuf {
        let path = self.open_path(log_dir);
        let mut bytes = self.bytes.clone();
        bytes.resize(bytes.len() + zeros, 0);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes it as a sealed segment with its sidecar.
    pub fn write_sealed(&self, log_dir: &Path) -> PathBuf {
        let path = self.seg_path(log_dir);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &self.bytes).unwrap();
        description::describe(&path, LOG, self.core, self.id).unwrap().write(&path).unwrap();
        path
    }

    /// Seals what `write_open` wrote, as a server does: the file stays the same, for those who have it open.
    pub fn seal(&self, log_dir: &Path) -> PathBuf {
        let (open, sealed) = (self.open_path(log_dir), self.seg_path(log_dir));
        fs::OpenOptions::new().write(true).open(&open).unwrap().set_len(self.bytes.len() as u64).unwrap();
        description::describe(&open, LOG, self.core, self.id).unwrap().write(&open).unwrap();
        fs::rename(&open, &sealed).unwrap();
        sealed
    }
}

/// Writes `log.json`.
pub fn write_log_file(log_dir: &Path) {
    fs::create_dir_all(log_dir).unwrap();
    let text = serde_json::to_vec(&LogFile { version: 1, log: LOG }).unwrap();
    fs::write(log_dir.join(LOG_FILE_NAME), text).unwrap();
}

/// Holds the log as a server does, until the file is dropped.
pub fn take_lock(log_dir: &Path) -> fs::File {
    let path = log_dir.join(LOCK_FILE_NAME);
    fs::write(&path, format!("{}\n", std::process::id())).unwrap();
    let lock = fs::File::open(&path).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    lock
}

/// A control page to be written again and again.
#[derive(Clone)]
pub struct HandControl {
    pub core: u16,
    pub seq: u64,
    pub segment: u64,
    pub cursor: u64,
    pub durable: u64,
    pub in_append: u64,
    pub last_order: u64,
    pub first_unsynced: u64,
    pub state: State,
    pub pid: u32,
    /// 0 is not known; anything else is that of another file.
    pub place: u64,
}

impl HandControl {
    /// The page of this very process, writing a segment that is durable as it stands.
    pub fn live(segment: &HandSegment) -> HandControl {
        HandControl {
            core: segment.core,
            seq: 2,
            segment: segment.id,
            cursor: segment.bytes.len() as u64,
            durable: segment.durable,
            in_append: 0,
            last_order: 0,
            first_unsynced: 0,
            state: State::Open,
            pid: std::process::id(),
            place: 0,
        }
    }

    /// The process id of a server that is gone.
    pub const DEAD: u32 = 0x7fff_fff0;

    pub fn write(&self, log_dir: &Path) {
        let mut page = vec![0; control::PAGE_BYTES];
        let mut put = |at: usize, word: u64| page[at..at + 8].copy_from_slice(&word.to_le_bytes());
        put(at::MAGIC, control::MAGIC);
        put(at::VERSION_CORE, u64::from(control::VERSION) | u64::from(self.core) << 32);
        put(at::SEQ, self.seq);
        put(at::SEGMENT, self.segment);
        put(at::CURSOR, self.cursor);
        put(at::DURABLE, self.durable);
        put(at::IN_APPEND, self.in_append);
        put(at::LAST_ORDER, self.last_order);
        put(at::FIRST_UNSYNCED, self.first_unsynced);
        put(at::STATE, self.state as u64);
        put(at::PID, u64::from(self.pid));
        put(at::PLACE, self.place);
        let dir = core_dir(log_dir, self.core);
        fs::create_dir_all(&dir).unwrap();
        write_in_place(&dir.join(control::FILE_NAME), &page);
    }
}

/// Writes a clock page that stands still at `now_us` for an hour.
pub fn write_clock(log_dir: &Path, now_us: u64) {
    let mut page = vec![0; control::PAGE_BYTES];
    let mut put = |at: usize, word: u64| page[at..at + 8].copy_from_slice(&word.to_le_bytes());
    put(clock_at::MAGIC, control::CLOCK_MAGIC);
    put(clock_at::VERSION, u64::from(control::VERSION));
    put(clock_at::BASE_MONO_US, control::monotonic_us());
    put(clock_at::BASE_ORDER_US, now_us);
    put(clock_at::RATE_PPM, -1_000_000i64 as u64);
    write_in_place(&log_dir.join(control::CLOCK_FILE_NAME), &page);
}

/// As a mapped page changes: never shorter in between, and the same file for those who have it open.
fn write_in_place(path: &Path, page: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new().create(true).write(true).truncate(false).open(path).unwrap();
    file.write_all_at(page, 0).unwrap();
}
