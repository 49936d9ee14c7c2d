//! Reading a log once, to its end.
//!
//! A merge that follows the log may say "nothing now" and find the rest at its next look: beside a server that starts or stops, or is just
//! changing a page, it can't know yet what is durable. A reader that reads once must not take that for the end of the log.

use std::thread;
use std::time::{Duration, Instant};

use crate::log::error::LogError;
use crate::log::format::control::{CLOCK_FILE_NAME, ClockView};
use crate::log::format::record::Record;
use crate::log::read::reader::Server;

use super::Merge;

/// How long to wait until it is known what is durable. Recovering what a killed server left takes seconds at most.
const WAIT_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

impl Merge {
    /// Like [`next`](Merge::next), but None only when all that was durable at the first call has been handed out, and no later than that: a
    /// reader slower than the writer reaches its end too. Waits while it is not known what is durable. A call after that begins anew.
    ///
    /// # Errors
    /// Those of [`next`](Merge::next), and [`LogError::Unsettled`] where a minute was not enough.
    pub fn next_settled(&mut self) -> Result<Option<Record<'_>>, LogError> {
        self.next_settled_within(WAIT_MAX)
    }

    pub(super) fn next_settled_within(&mut self, wait_max: Duration) -> Result<Option<Record<'_>>, LogError> {
        if self.until_us.is_none() {
            self.until_us = self.clock_us();
        }
        let deadline = Instant::now() + wait_max;
        loop {
            let at = match self.next_at(self.until_us.unwrap_or(u64::MAX))? {
                None if self.reader.server() == Server::Absent => self.next_at(u64::MAX)?,
                found => found,
            };
            if let Some(at) = at {
                return Ok(self.cores[at].take());
            }
            if self.is_read() {
                self.until_us = None;
                return Ok(None);
            }
            if Instant::now() >= deadline {
                return Err(LogError::Unsettled { path: self.reader.dir().to_path_buf() });
            }
            thread::sleep(PAUSE);
            // A server that was starting has set its clock by now: what it shows is later than the first call.
            self.until_us = self.until_us.or_else(|| self.clock_us());
        }
    }

    fn clock_us(&self) -> Option<u64> {
        ClockView::open(&self.reader.dir().join(CLOCK_FILE_NAME)).and_then(|clock| clock.now_us())
    }

    /// What is read to. Without a server everything durable leaves, and no clock is needed.
    fn until_us(&self) -> Option<u64> {
        if self.reader.server() == Server::Absent { Some(u64::MAX) } else { self.until_us }
    }

    /// Whether the last look settled everything that was asked for.
    fn is_read(&self) -> bool {
        self.same && self.until_us().is_some_and(|until_us| self.cores.iter().all(|core| core.is_read(until_us)))
    }
}

#[cfg(test)]
mod tests;
