//! Lines on their way to the client, and whether it still waits for them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::super::kept::Kept;
use super::super::shared::{Shared, processor_time};
use super::place::{Fate, Place};
use super::tail::Tail;

// Circle: the parts of an answer see what it is.
use super::{Form, Out, Piece, Sent, WatchError};

/// Lines are sent when they come to this.
const PIECE_BYTES: usize = 32 << 10;
/// The pause while the client takes nothing.
const SEND_PAUSE: Duration = Duration::from_millis(10);
/// How long a client that takes nothing is waited for.
const SEND_PATIENCE: Duration = Duration::from_secs(60);
/// A sign of life is sent after this time without a line.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// While what there is is still being sent,
const SENDING: &[u8] = b" \n";
/// and when all of it was.
const ALL_SENT: &[u8] = b"\n";
/// How often it is looked whether the answer is still wanted.
pub(super) const LOOK: Duration = Duration::from_millis(50);
/// The processor time that one answer may take to convert what there is.
pub(super) const CONVERTING_MAX: Duration = Duration::from_secs(300);

/// Lines on their way to the client.
pub(super) struct Lines {
    out: Box<dyn Out>,
    buffer: Vec<u8>,
    sign: &'static [u8],
    /// Whether the session was found: nothing is sent before.
    is_found: bool,
    project: u32,
    /// The time of the last line, in Unix ms.
    pub(super) reached_ms: i64,
    /// What was read of the log. It ends with the answer, before its place is free.
    pub(super) tail: Tail,
    sent: Instant,
    looked: Instant,
    /// The processor time of this thread when it began to convert,
    began: Option<Duration>,
    /// and what that took before.
    converting: Duration,
    /// Dropped last: its place is free when nothing is left.
    place: Place,
}

impl Lines {
    pub(super) fn new(place: Place, out: Box<dyn Out>) -> Lines {
        let now = Instant::now();
        Lines {
            out,
            buffer: Vec::new(),
            sign: SENDING,
            is_found: false,
            project: 0,
            reached_ms: 0,
            tail: Tail::new(Arc::clone(&place.shared)),
            sent: now,
            looked: now,
            began: None,
            converting: Duration::ZERO,
            place,
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.place.shared
    }

    /// What is kept of the session.
    pub(super) fn kept(&self) -> Option<Arc<Kept>> {
        self.place.kept()
    }

    /// Whether nothing is kept of it, and something may be.
    pub(super) fn may_keep(&self) -> bool {
        self.place.may_keep()
    }

    /// A place for what is kept of the session, if there is one.
    pub(super) fn keep(&self, kept: Kept) -> Option<Place> {
        self.place.keep(kept)
    }

    /// The session is in the log.
    pub(super) fn found(&mut self, project: u32) -> Result<(), WatchError> {
        self.tell_project(project);
        self.is_found = true;
        self.send(Piece::Found)
    }

    /// The session's project, as far as it is known.
    pub(super) fn tell_project(&mut self, project: u32) {
        if self.project != project {
            self.project = project;
            self.place.tell_project(project);
        }
    }

    /// The answer ends here although there is more, and says why.
    pub(super) fn fail(&mut self, form: &Form, why: &str) -> Result<(), WatchError> {
        if !self.is_found {
            return self.send(Piece::Failed(why.to_owned()));
        }
        let at_ms = self.reached_ms;
        let last = match form {
            Form::Events(..) => {
                json!({ "type": 5, "data": { "tag": "cut", "payload": { "why": why } }, "timestamp": at_ms })
            }
            Form::Timeline => json!({ "at_ms": at_ms, "kind": "cut", "text": why }),
        };
        self.flush()?;
        self.send(Piece::Lines(format!("{last}\n").into_bytes()))?;
        self.send(Piece::End)
    }

    /// Adds a line. Of a long one, what there is of it is sent while the rest is still being written.
    pub(super) fn line(&mut self, value: &impl Serialize) -> Result<(), WatchError> {
        let mut pieces = Pieces { lines: self, failed: None };
        let written = serde_json::to_writer(&mut pieces, value);
        if let Some(error) = pieces.failed {
            return Err(error);
        }
        written?;
        self.buffer.push(b'\n');
        self.look()
    }

    pub(super) fn flush(&mut self) -> Result<(), WatchError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.buffer);
        self.send(Piece::Lines(lines))
    }

    /// All that there is was sent.
    pub(super) fn catch_up(&mut self) -> Result<(), WatchError> {
        self.sign = ALL_SENT;
        self.send(Piece::Lines(ALL_SENT.to_vec()))
    }

    /// Finds out whether the answer is still wanted, and may go on.
    pub(super) fn beat(&mut self) -> Result<(), WatchError> {
        self.looked = Instant::now();
        if self.began.is_some_and(|began| self.converting + (processor_time() - began) > CONVERTING_MAX) {
            return Err(WatchError::TooLong);
        }
        if self.is_found && self.sent.elapsed() >= HEARTBEAT {
            // What waits is a sign, too; and a part of its first line may have gone ahead of it.
            return if self.buffer.is_empty() { self.send(Piece::Lines(self.sign.to_vec())) } else { self.flush() };
        }
        if self.out.is_gone() { Err(WatchError::Gone) } else { self.listen() }
    }

    /// The same, if the last time is long enough ago. To be asked as often as something is done.
    pub(super) fn look(&mut self) -> Result<(), WatchError> {
        if self.looked.elapsed() < LOOK { Ok(()) } else { self.beat() }
    }

    /// What is done from here on counts as converting, or does not any more.
    pub(super) fn convert(&mut self, does: bool) {
        if let Some(began) = self.began.take() {
            self.converting += processor_time() - began;
        }
        self.began = does.then(processor_time);
    }

    /// Hears of erasures, and of the server's stop.
    fn listen(&mut self) -> Result<(), WatchError> {
        match self.place.fate() {
            Fate::Wanted => Ok(()),
            Fate::Ends => Err(WatchError::Gone),
            Fate::Rereads(erasures) => {
                self.tail.forget();
                self.place.has_reread(erasures);
                Ok(())
            }
        }
    }

    pub(super) fn send(&mut self, mut piece: Piece) -> Result<(), WatchError> {
        let began = Instant::now();
        loop {
            self.listen()?;
            match self.out.send(piece) {
                Sent::Done => break,
                Sent::Full(back) if began.elapsed() < SEND_PATIENCE => piece = back,
                Sent::Full(_) | Sent::Gone => return Err(WatchError::Gone),
            }
            std::thread::sleep(SEND_PAUSE);
        }
        self.sent = Instant::now();
        Ok(())
    }
}

/// A line that is being written.
struct Pieces<'a> {
    lines: &'a mut Lines,
    /// Why no more of it is wanted.
    failed: Option<WatchError>,
}

impl io::Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.lines.buffer.len() >= PIECE_BYTES
            && let Err(error) = self.lines.flush()
        {
            self.failed = Some(error);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = PIECE_BYTES - self.lines.buffer.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.lines.buffer.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
