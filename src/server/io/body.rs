//! A body that is being received. Only this file knows how its bytes are framed; callers see bytes and where they are.

use std::ops::Range;

use crate::http::{Body, BodyStatus, Buffer, Reject};

/// Why nothing more comes from a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The peer closed, the connection broke, or we were told to close it.
    Closed,
    /// The peer was too slow.
    TimedOut,
    /// There was no memory for the request within its patience.
    NoMemory,
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The framing is wrong, or the body is too large.
    Reject(Reject),
    /// The connection ended.
    Gone(Gone),
}

/// A body of which some bytes may still have to arrive.
pub struct IncomingBody {
    framed: Body,
}

impl IncomingBody {
    /// A body with HTTP/1.1 framing.
    pub(super) fn new(framed: Body) -> Self {
        Self { framed }
    }

    /// Decodes the framing of what has been received.
    pub(super) fn advance(&mut self, buf: &mut Buffer) -> Result<BodyStatus, BodyError> {
        self.framed.advance(buf).map_err(BodyError::Reject)
    }

    /// Where its bytes are in the buffer.
    pub fn range(&self) -> Range<usize> {
        self.framed.range()
    }

    /// Removes its first `count` bytes from the buffer.
    pub fn take(&mut self, count: usize, buf: &mut Buffer) {
        self.framed.take(count, buf);
    }

    /// Bytes of it received so far.
    pub fn received(&self) -> u64 {
        self.framed.received()
    }

    /// Where the next request begins in the buffer, once this body has ended.
    pub fn consumed(&self) -> usize {
        self.framed.consumed()
    }
}
