//! Records in any order, as runs.

use std::io;

use super::budget::Budget;
use super::entry::Entry;
use super::held::Held;
use super::mark::Mark;
use super::run::Run;
use super::spill::Spill;

/// Gathers records into runs of a size.
#[derive(Debug)]
pub struct Sorter {
    budget: Budget,
    spill: Spill,
    run_bytes: usize,
    entries: Vec<Entry>,
    bytes: usize,
    runs: Vec<Run>,
}

impl Sorter {
    /// Runs of `run_bytes`, which are held in memory as they are gathered, besides what the budget has.
    pub fn new(budget: Budget, spill: Spill, run_bytes: usize) -> Self {
        Self { budget, spill, run_bytes, entries: Vec::new(), bytes: 0, runs: Vec::new() }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// The temporary file can't be written.
    pub fn push(&mut self, mark: Mark, held: Held) -> io::Result<()> {
        self.bytes += size_of::<Mark>() + held.bytes();
        self.entries.push(Entry { mark, held });
        if self.bytes >= self.run_bytes { self.close_run() } else { Ok(()) }
    }

    /// All records, in runs.
    ///
    /// # Errors
    /// The temporary file can't be written.
    pub fn finish(mut self) -> io::Result<Vec<Run>> {
        self.close_run()?;
        Ok(self.runs)
    }

    fn close_run(&mut self) -> io::Result<()> {
        let entries = std::mem::take(&mut self.entries);
        self.bytes = 0;
        if !entries.is_empty() {
            self.runs.push(Run::new(entries, &self.budget, &self.spill)?);
        }
        Ok(())
    }
}
