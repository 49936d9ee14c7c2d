//! The decoders of all codings behind one interface, with the limit on what comes out.

use std::fmt;

use super::brotli::Brotli;
use super::coding::Coding;
use super::deflate::Deflate;
use super::error::InflateError;
use super::gzip::Gzip;
use super::zstd::Zstd;

/// A good size for the pieces of inflated bytes.
pub const PIECE_BYTES: usize = 32 * 1024;

/// The most room that is made for what a body only claims to inflate to.
const ROOM_BYTES_MAX: usize = 1 << 20;

/// The longest match of deflate, and some more: with so much room left, it is inflated the fast way to its end.
const ROOM_BYTES_BEHIND: usize = 512;

/// The result of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InflateStep {
    /// Bytes that were written to the piece. There may be none although the body has not ended.
    pub made: usize,
    /// The body has ended, and is whole.
    pub done: bool,
}

/// Decoders whose state is reused, for one body at a time: [`begin`](Self::begin), then [`step`](Self::step) until it is done or fails.
#[derive(Default)]
pub struct Inflater {
    gzip: Gzip,
    deflate: Deflate,
    brotli: Brotli,
    zstd: Zstd,
    body: Option<Body>,
}

/// The body that is being inflated.
#[derive(Debug, Clone, Copy)]
struct Body {
    coding: Coding,
    taken: usize,
    left: usize,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("body", &self.body).finish_non_exhaustive()
    }
}

impl Inflater {
    /// A new inflater. A coding's decoder is allocated with the first body that needs it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a body that may inflate to at most `limit` bytes, even if the previous body was not finished.
    pub fn begin(&mut self, coding: Coding, limit: usize) {
        self.body = Some(Body { coding, taken: 0, left: limit });
        match coding {
            Coding::Gzip => self.gzip.begin(),
            Coding::Deflate => self.deflate.begin(),
            Coding::Brotli => self.brotli.begin(),
            Coding::Zstd => self.zstd.begin(),
        }
    }

    /// Inflates the next bytes into `piece`, which must not be empty. `body` is the whole body each time. After its end or an error, further
    /// calls return nothing.
    pub fn step(&mut self, body: &[u8], piece: &mut [u8]) -> Result<InflateStep, InflateError> {
        let Some(mut current) = self.body.take() else { return Ok(InflateStep { made: 0, done: true }) };
        let rest = body.get(current.taken..).unwrap_or_default();
        let other = |fault| InflateError::Other { coding: current.coding, fault };
        let progress = match current.coding {
            Coding::Gzip => self.gzip.step(rest, piece)?,
            Coding::Deflate => self.deflate.step(rest, piece).map_err(other)?,
            Coding::Brotli => self.brotli.step(rest, piece).map_err(other)?,
            Coding::Zstd => self.zstd.step(rest, piece).map_err(other)?,
        };
        if progress.made > current.left {
            return Err(InflateError::too_large(current.coding));
        }
        current.taken += progress.taken;
        current.left -= progress.made;
        if !progress.done {
            self.body = Some(current);
        } else if current.coding == Coding::Brotli {
            self.brotli.end();
        }
        Ok(InflateStep { made: progress.made, done: progress.done })
    }

    /// Forgets the body and frees any large memory that it took. Decoders that need little memory are kept.
    pub fn end(&mut self) {
        self.body = None;
        self.brotli.end();
        self.zstd.end();
    }

    /// Passes the inflated body to `take` in pieces, in one go: for threads that may be busy for as long as that takes.
    pub fn pieces<E: From<InflateError>>(
        &mut self,
        coding: Coding,
        body: &[u8],
        limit: usize,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.begin(coding, limit);
        let mut piece = [0; PIECE_BYTES];
        loop {
            let step = self.step(body, &mut piece)?;
            take(&piece[..step.made])?;
            if step.done {
                return Ok(());
            }
        }
    }

    /// Replaces the content of `out` with the inflated body, in one go. On an error, `out` holds what came before it.
    pub fn inflate(
        &mut self,
        coding: Coding,
        body: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        out.clear();
        out.resize(room_for(coding, body), 0);
        self.begin(coding, limit);
        let mut made = 0;
        loop {
            if made == out.len() {
                out.resize(made + PIECE_BYTES, 0);
            }
            let end = out.len().min(made + PIECE_BYTES);
            let step = self.step(body, &mut out[made..end]);
            made += step.map_or(0, |step| step.made);
            if !matches!(step, Ok(InflateStep { done: false, .. })) {
                out.truncate(made);
                return step.map(drop);
            }
        }
    }
}

/// How many bytes a body will probably inflate to, and what a decoder likes to have behind them: so the first room is mostly enough, and
/// no more of it is cleared than is used.
fn room_for(coding: Coding, body: &[u8]) -> usize {
    match (coding, body.last_chunk()) {
        // The length of the last member, if it is true.
        (Coding::Gzip, Some(&length)) => (u32::from_le_bytes(length) as usize).min(ROOM_BYTES_MAX) + ROOM_BYTES_BEHIND,
        _ => PIECE_BYTES,
    }
}

#[cfg(test)]
mod tests;
