//! The temporary file, and records in it. The file has no name, so nothing of it outlives the process; the space of a run is given back once nobody
//! reads it any more.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes};
use rustix::fs::{FallocateFlags, fallocate};
use uuid::Uuid;

use crate::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Label, Record, RecordId, Topic};

use super::entry::Entry;
use super::held::Held;
use super::mark::Mark;

/// What stands before the bytes of each record: numbers of fixed sizes.
const HEAD_BYTES: usize = 4 + 4 + 8 + 4 + 16 + 2 + 8 + 8 + 8 + 4 + 8 + 4 + 4 + 1 + 4 + 4 + 2 + 4;

/// How much is written at once.
const WRITE_BYTES: usize = 1 << 20;

/// The temporary file, which is made once something has to wait in it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Spill {
    shared: Arc<Mutex<Option<Written>>>,
}

#[derive(Debug)]
struct Written {
    file: Arc<File>,
    end: u64,
}

/// A run in the file. Clones share it.
#[derive(Debug, Clone)]
pub struct SpilledRun {
    extent: Arc<Extent>,
}

/// A part of the file.
#[derive(Debug)]
struct Extent {
    file: Arc<File>,
    from: u64,
    to: u64,
}

impl Drop for Extent {
    fn drop(&mut self) {
        // Where the file system can't do that, the space is given back at the end.
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if self.to > self.from {
            let _ = fallocate(&*self.file, flags, self.from, self.to - self.from);
        }
    }
}

impl Spill {
    /// Writes entries as a run.
    ///
    /// # Errors
    /// With the folder of the file.
    pub fn write(&self, entries: &[Entry]) -> io::Result<SpilledRun> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &mut *shared {
            Some(written) => written,
            none => none.insert(Written { file: Arc::new(nameless().map_err(in_folder)?), end: 0 }),
        };
        let from = written.end;
        let mut buffer = Vec::with_capacity(WRITE_BYTES + (64 << 10));
        for entry in entries {
            put(entry, &mut buffer);
            if buffer.len() >= WRITE_BYTES {
                written.file.write_all_at(&buffer, written.end).map_err(in_folder)?;
                written.end += buffer.len() as u64;
                buffer.clear();
            }
        }
        written.file.write_all_at(&buffer, written.end).map_err(in_folder)?;
        written.end += buffer.len() as u64;
        let extent = Extent { file: Arc::clone(&written.file), from, to: written.end };
        Ok(SpilledRun { extent: Arc::new(extent) })
    }
}

/// A file that only this process has.
fn nameless() -> io::Result<File> {
    let path = env::temp_dir().join(format!("takeup-replay-{}", Uuid::new_v4()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn in_folder(error: io::Error) -> io::Error {
    let folder = env::temp_dir();
    io::Error::new(
        error.kind(),
        format!(
            "a temporary file in {}: {error}; TMPDIR names another folder, --memory needs less of it",
            folder.display()
        ),
    )
}

impl SpilledRun {
    /// Its entries, read so many bytes at a time.
    pub fn read(&self, buffer_bytes: usize) -> SpillReader {
        SpillReader { run: self.clone(), next: self.extent.from, buffer_bytes, buffer: Bytes::new() }
    }
}

/// Reads a run.
#[derive(Debug)]
pub struct SpillReader {
    run: SpilledRun,
    /// What is read next.
    next: u64,
    buffer_bytes: usize,
    /// What was read and not taken yet. Records taken from it share its memory.
    buffer: Bytes,
}

impl SpillReader {
    /// The next entry.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn next(&mut self) -> io::Result<Option<Entry>> {
        if self.buffer.is_empty() && self.next == self.run.extent.to {
            return Ok(None);
        }
        self.fill(HEAD_BYTES)?;
        let (ext, payload) = lengths(&self.buffer);
        self.fill(HEAD_BYTES + ext + payload)?;
        take(&mut self.buffer).map(Some).ok_or_else(|| io::Error::other("a temporary file has changed"))
    }

    /// Reads until the buffer holds so many bytes.
    fn fill(&mut self, bytes: usize) -> io::Result<()> {
        if self.buffer.len() >= bytes {
            return Ok(());
        }
        let left = usize::try_from(self.run.extent.to - self.next).unwrap_or(usize::MAX);
        let more = (bytes - self.buffer.len()).max(self.buffer_bytes).min(left);
        let mut filled = vec![0; self.buffer.len() + more];
        let (old, new) = filled.split_at_mut(self.buffer.len());
        old.copy_from_slice(&self.buffer);
        self.run.extent.file.read_exact_at(new, self.next).map_err(in_folder)?;
        self.next += more as u64;
        self.buffer = filled.into();
        if self.buffer.len() < bytes {
            return Err(io::Error::other("a temporary file has changed"));
        }
        Ok(())
    }
}

fn put(entry: &Entry, to: &mut Vec<u8>) {
    let (mark, head) = (&entry.mark, &entry.held.head);
    to.put_u32_le(entry.held.ext.len() as u32);
    to.put_u32_le(entry.held.payload.len() as u32);
    to.put_u64_le(mark.due_us);
    to.put_u32_le(mark.round);
    to.put_slice(head.id.log.as_bytes());
    to.put_u16_le(head.id.core);
    to.put_u64_le(head.id.segment);
    to.put_u64_le(head.id.offset);
    to.put_u64_le(head.order_us);
    to.put_slice(&[head.kind as u8, head.topic as u8, head.data_type as u8, head.encoding as u8]);
    to.put_u64_le(head.session);
    to.put_u32_le(head.project);
    to.put_u32_le(head.split);
    let label = head.label.map_or((0, 0, 0), |label| (1, label.page, label.number));
    to.put_u8(label.0);
    to.put_u32_le(label.1);
    to.put_u32_le(label.2);
    to.put_u16_le(head.flags.0);
    to.put_u32_le(head.payload_crc);
    to.put_slice(&entry.held.ext);
    to.put_slice(&entry.held.payload);
}

/// The lengths of extension and payload.
fn lengths(mut head: &[u8]) -> (usize, usize) {
    (head.get_u32_le() as usize, head.get_u32_le() as usize)
}

/// Takes an entry that is there as a whole.
fn take(from: &mut Bytes) -> Option<Entry> {
    let mut head = from.split_to(HEAD_BYTES);
    let (ext, payload) = (head.get_u32_le() as usize, head.get_u32_le() as usize);
    let (due_us, round) = (head.get_u64_le(), head.get_u32_le());
    let mut log = [0; 16];
    head.copy_to_slice(&mut log);
    let id = RecordId {
        log: Uuid::from_bytes(log),
        core: head.get_u16_le(),
        segment: head.get_u64_le(),
        offset: head.get_u64_le(),
    };
    let order_us = head.get_u64_le();
    let (kind, topic) = (Kind::from_u8(head.get_u8())?, Topic::from_u8(head.get_u8())?);
    let (data_type, encoding) = (DataType::from_u8(head.get_u8())?, Encoding::from_u8(head.get_u8())?);
    let (session, project, split) = (head.get_u64_le(), head.get_u32_le(), head.get_u32_le());
    let (has_label, page, number) = (head.get_u8(), head.get_u32_le(), head.get_u32_le());
    let (flags, payload_crc) = (Flags(head.get_u16_le()), head.get_u32_le());
    let head = Record {
        id,
        order_us,
        kind,
        topic,
        data_type,
        encoding,
        session,
        project,
        split,
        label: (has_label == 1).then_some(Label { page, number }),
        flags,
        payload_crc,
        ext: Ext(&[]),
        payload: &[],
    };
    let held = Held { head, ext: from.split_to(ext), payload: from.split_to(payload) };
    Some(Entry { mark: Mark { due_us, round, id }, held })
}
