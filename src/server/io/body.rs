//! A body on its way in. How its bytes are framed is this file's matter; who reads one sees bytes, and where they stand.

use std::ops::Range;

use crate::http::{Body, BodyStatus, Buffer, Reject};

/// Why nothing more comes from a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The peer closed, or the connection broke, or we were told to close it.
    Closed,
    /// The peer was too slow.
    TimedOut,
    /// No memory was left for the request, after all patience.
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

/// A body of which some bytes may still have to come.
pub struct IncomingBody {
    framed: Body,
}

impl IncomingBody {
    /// A body framed as HTTP/1.1 does it.
    pub(super) fn new(framed: Body) -> Self {
        Self { framed }
    }

    /// Takes the framing off what has been received.
    pub(super) fn advance(&mut self, buf: &mut Buffer) -> Result<BodyStatus, BodyError> {
        self.framed.advance(buf).map_err(BodyError::Reject)
    }

    /// Where its bytes stand in the buffer.
    pub fn range(&self) -> Range<usize> {
        self.framed.range()
    }

    /// Takes its first `count` bytes out of the buffer.
    pub fn take(&mut self, count: usize, buf: &mut Buffer) {
        self.framed.take(count, buf);
    }

    /// Bytes of it received so far.
    pub fn received(&self) -> u64 {
        self.framed.received()
    }

    /// Where the next request begins in the buffer, once the end of this one's body has come.
    pub fn consumed(&self) -> usize {
        self.framed.consumed()
    }
}
