//! One source's thread, and what it has read.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, bounded};

use crate::cli::error::CliError;
use crate::cli::replay::order::Held;

use super::damage::Findings;
use super::means::Means;
use super::place::Origin;
use super::read_log::{Begin, read_log};
use super::sink::{QUEUE_MAX, Sink};
use super::wanted::Wanted;

/// Records of one source, read ahead.
#[derive(Debug)]
pub struct Feed {
    queue: Option<Receiver<Vec<Held>>>,
    closed: Arc<AtomicBool>,
    batch: std::vec::IntoIter<Held>,
    thread: Option<JoinHandle<Result<Findings, CliError>>>,
    findings: Findings,
}

impl Feed {
    /// Begins to read.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(origin: Origin, wanted: Wanted, means: Means) -> Result<Self, CliError> {
        let (to, queue) = bounded(QUEUE_MAX);
        let closed = Arc::new(AtomicBool::new(false));
        let means = Means { closed: Arc::clone(&closed), ..means };
        let read = move || read(origin, &wanted, &means, Sink::new(to));
        let thread = thread::Builder::new()
            .name("replay-read".to_owned())
            .spawn(read)
            .map_err(|error| CliError::Other(format!("a thread that reads could not be started: {error}")))?;
        let batch = Vec::new().into_iter();
        Ok(Self { queue: Some(queue), closed, batch, thread: Some(thread), findings: Findings::default() })
    }

    /// The next record that is there, waiting for it.
    ///
    /// # Errors
    /// The source can't be read any further.
    pub fn next(&mut self) -> Result<Option<Held>, CliError> {
        loop {
            if let Some(held) = self.batch.next() {
                return Ok(Some(held));
            }
            match self.queue.as_ref().and_then(|queue| queue.recv().ok()) {
                Some(batch) => self.batch = batch.into_iter(),
                None => {
                    self.end()?;
                    return Ok(None);
                }
            }
        }
    }

    /// Ends reading, and tells what was found.
    ///
    /// # Errors
    /// The source could not be read, and nobody was told.
    pub fn finish(mut self) -> Result<Findings, CliError> {
        self.end()?;
        Ok(std::mem::take(&mut self.findings))
    }

    /// A thread that hands over to nobody ends.
    fn close(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        self.queue = None;
    }

    fn end(&mut self) -> Result<(), CliError> {
        self.close();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.findings = thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread: the archive, and then the log behind it.
fn read(origin: Origin, wanted: &Wanted, means: &Means, mut sink: Sink) -> Result<Findings, CliError> {
    let mut findings = Findings::default();
    #[cfg(feature = "archive")]
    let begin = match &origin.archive {
        None => Begin::First,
        Some(files) => {
            let end = super::read_archive::read_archive(files, wanted, means, &mut findings, &mut sink)?;
            match (end, &origin.log) {
                (Some(begin), Some(reader)) => super::read_archive::check_log(&begin, reader, &origin.path)?,
                (Some(begin), None) => begin,
                // Nothing more is wanted.
                (None, _) => return Ok(findings),
            }
        }
    };
    #[cfg(not(feature = "archive"))]
    let begin = Begin::First;
    if let Some(reader) = origin.log {
        findings.log(read_log(reader, &begin, wanted, means, &mut sink)?);
    }
    Ok(findings)
}
