//! Records in order, in memory or in the temporary file.

use std::io;
use std::sync::Arc;

use super::budget::{Budget, Charge};
use super::entry::Entry;
use super::mark::Mark;
use super::spill::{Spill, SpillReader, SpilledRun};

/// Records in order. Clones share them.
#[derive(Debug, Clone)]
pub enum Run {
    /// In memory.
    Memory(Arc<InMemory>),
    /// In the temporary file.
    Disk(SpilledRun),
}

/// Entries, and what they take of the budget.
#[derive(Debug)]
pub struct InMemory {
    entries: Vec<Entry>,
    _charge: Charge,
}

impl Run {
    /// Sorts entries. They stay in memory if the budget has room for them.
    ///
    /// # Errors
    /// The temporary file can't be written.
    pub fn new(mut entries: Vec<Entry>, budget: &Budget, spill: &Spill) -> io::Result<Self> {
        entries.sort_unstable_by_key(|entry| entry.mark);
        let bytes = entries.iter().map(|entry| size_of::<Mark>() + entry.held.bytes()).sum();
        match budget.take(bytes) {
            Some(charge) => Ok(Self::Memory(Arc::new(InMemory { entries, _charge: charge }))),
            None => spill.write(&entries).map(Self::Disk),
        }
    }

    /// Its entries from the first one on. What is read of the file at once is `buffer_bytes`, or one record.
    pub fn cursor(&self, buffer_bytes: usize) -> Cursor {
        match self {
            Self::Memory(run) => Cursor::Memory { run: Arc::clone(run), next: 0 },
            Self::Disk(run) => Cursor::Disk(run.read(buffer_bytes)),
        }
    }
}

/// How far a run was read.
#[derive(Debug)]
pub enum Cursor {
    /// In memory.
    Memory {
        /// The run.
        run: Arc<InMemory>,
        /// The next entry.
        next: usize,
    },
    /// In the temporary file.
    Disk(SpillReader),
}

impl Cursor {
    /// The next entry.
    ///
    /// # Errors
    /// The temporary file can't be read.
    pub fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Self::Memory { run, next } => {
                let entry = run.entries.get(*next).cloned();
                *next += 1;
                Ok(entry)
            }
            Self::Disk(reader) => reader.next(),
        }
    }
}
