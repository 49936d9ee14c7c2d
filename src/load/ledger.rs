//! The ledger of a run: a line for each batch that the server has acknowledged.
//!
//! The first line is `{"takeup_load_ledger":1,"run":…,"url":…}`. Each other line is an object with
//!
//! | key | holds |
//! |---|---|
//! | `s` | the session, a number as text |
//! | `h` | the first 16 bytes of the body's BLAKE3 hash, in hex; the body as it was sent |
//! | `o` | the batch's place in its session; absent if it was sent beside others, in whatever order they arrive |
//!
//! The file is written by a thread of its own, and synced at the end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};

use super::error::LoadError;

/// The hash of a body.
pub type Hash = [u8; 16];

/// How many lines may wait for the disk. Beyond that the generator waits, and its lag shows it.
const QUEUE_MAX: usize = 64 * 1024;

/// The version of the format.
const VERSION: u32 = 1;

/// A batch that the server has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The session.
    pub session: u64,
    /// The hash of the body.
    pub hash: Hash,
    /// Its place in the session, if it has one.
    pub order: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    takeup_load_ledger: u32,
    run: String,
    url: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    s: String,
    h: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<u32>,
}

/// The hash under which a body is noted.
pub fn hash(body: &[u8]) -> Hash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(body).as_bytes()[..16]);
    hash
}

/// Where batches are noted.
#[derive(Debug, Clone)]
pub struct Ledger(Sender<Entry>);

impl Ledger {
    /// Notes a batch.
    pub fn note(&self, entry: Entry) {
        // The writer ends early only with an error, which it reports at the end.
        let _ = self.0.send(entry);
    }
}

/// The thread that writes a ledger.
#[derive(Debug)]
pub struct LedgerWriter {
    path: PathBuf,
    thread: JoinHandle<io::Result<()>>,
}

impl LedgerWriter {
    /// Makes the file, which must not exist: a ledger that is overwritten proves nothing any more.
    pub fn create(path: &Path, run: &str, url: &str) -> Result<(Ledger, LedgerWriter), LoadError> {
        let fault = |source| LoadError::Ledger { path: path.to_owned(), source };
        let file = File::options().write(true).create_new(true).open(path).map_err(fault)?;
        let head = Head { takeup_load_ledger: VERSION, run: run.to_owned(), url: url.to_owned() };
        let (sender, receiver) = bounded(QUEUE_MAX);
        let named = thread::Builder::new().name("load-ledger".to_owned());
        let thread = named.spawn(move || write(file, &head, &receiver)).map_err(fault)?;
        Ok((Ledger(sender), LedgerWriter { path: path.to_owned(), thread }))
    }

    /// Waits until all is on disk. To be called when every [`Ledger`] is gone.
    pub fn finish(self) -> Result<(), LoadError> {
        let ended = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
        ended.map_err(|source| LoadError::Ledger { path: self.path, source })
    }
}

fn write(file: File, head: &Head, entries: &Receiver<Entry>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(256 * 1024, file);
    serde_json::to_writer(&mut out, head)?;
    out.write_all(b"\n")?;
    while let Some(entry) = next(entries, &mut out)? {
        let line = Line { s: entry.session.to_string(), h: hex(&entry.hash), o: entry.order };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// The next entry; None if there will be none. Nothing stays in the buffer while there is none to wait for: a run that is killed leaves its
/// ledger up to there.
fn next(entries: &Receiver<Entry>, out: &mut impl Write) -> io::Result<Option<Entry>> {
    match entries.try_recv() {
        Ok(entry) => Ok(Some(entry)),
        Err(_) => {
            out.flush()?;
            Ok(entries.recv().ok())
        }
    }
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a ledger, entry by entry.
pub fn read(path: &Path, mut each: impl FnMut(Entry)) -> Result<(), LoadError> {
    let fault = |source| LoadError::Ledger { path: path.to_owned(), source };
    let file = File::open(path).map_err(fault)?;
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if reader.read_line(&mut line).map_err(fault)? == 0 {
            let reason = "it is empty, and no ledger of takeup load".to_owned();
            return if number > 1 {
                Ok(())
            } else {
                Err(LoadError::LedgerLine { path: path.to_owned(), line: 1, reason })
            };
        }
        let bad =
            |reason: &str| LoadError::LedgerLine { path: path.to_owned(), line: number, reason: reason.to_owned() };
        if number == 1 {
            let head: Head = serde_json::from_str(&line).map_err(|_| bad("this is no ledger of takeup load"))?;
            if head.takeup_load_ledger != VERSION {
                return Err(bad("this ledger is of another version of takeup"));
            }
            continue;
        }
        each(entry(&line).ok_or_else(|| bad("expected {\"s\":SESSION,\"h\":HASH}; is the end of the file missing?"))?);
    }
    Ok(())
}

fn entry(line: &str) -> Option<Entry> {
    let line: Line = serde_json::from_str(line).ok()?;
    let mut hash = Hash::default();
    if line.h.len() != 2 * hash.len() {
        return None;
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(line.h.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(Entry { session: line.s.parse().ok()?, hash, order: line.o })
}

#[cfg(test)]
mod tests;
