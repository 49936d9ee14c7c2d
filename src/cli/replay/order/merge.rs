//! Several runs as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::entry::Entry;
use super::mark::Mark;
use super::run::{Cursor, Run};

/// Runs that are read as one, in order. More may be added while they are read.
#[derive(Debug, Default)]
pub struct MergedRuns {
    /// The next entry of each run that has one, by its place.
    heads: BinaryHeap<Reverse<(Mark, usize)>>,
    cursors: Vec<Option<(Entry, Cursor)>>,
    /// Places in `cursors` that can be used again.
    free: Vec<usize>,
}

impl MergedRuns {
    /// Adds a run.
    ///
    /// # Errors
    /// The temporary file can't be read.
    pub fn add(&mut self, run: &Run, buffer_bytes: usize) -> io::Result<()> {
        let mut cursor = run.cursor(buffer_bytes);
        if let Some(entry) = cursor.next()? {
            let at = self.free.pop().unwrap_or_else(|| {
                self.cursors.push(None);
                self.cursors.len() - 1
            });
            self.heads.push(Reverse((entry.mark, at)));
            self.cursors[at] = Some((entry, cursor));
        }
        Ok(())
    }

    /// The place of the next entry.
    pub fn next_mark(&self) -> Option<Mark> {
        self.heads.peek().map(|Reverse((mark, _))| *mark)
    }

    /// The next entry.
    ///
    /// # Errors
    /// The temporary file can't be read.
    pub fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(Reverse((_, at))) = self.heads.pop() else { return Ok(None) };
        let Some((entry, mut cursor)) = self.cursors[at].take() else { return Ok(None) };
        match cursor.next()? {
            Some(following) => {
                self.heads.push(Reverse((following.mark, at)));
                self.cursors[at] = Some((following, cursor));
            }
            None => self.free.push(at),
        }
        Ok(Some(entry))
    }
}
