//! Content codings of bodies: gzip, deflate, Brotli and Zstandard, bounded in both their forms, and taken in steps.
//!
//! A megabyte can inflate to a gigabyte, so nothing here trusts a body: what comes out is counted against a limit
//! and handed on in pieces, so that memory does not grow with it; and one step takes and makes so little that it is over within
//! a few milliseconds, so that a core can serve others between two of them.
//!
//! | coding | read as | memory at most |
//! |---|---|---|
//! | `gzip` | Go's `compress/gzip` reads it, errors included: members in a row are one stream, anything behind the last is an error | 48 KB |
//! | `deflate` | RFC 9110 has it, in the wrapping of zlib; where that is missing, bare, as browsers take it | 48 KB |
//! | `br` | RFC 7932, without the larger windows that came later | 16 MiB of window, some MB of tables |
//! | `zstd` | RFC 8878; frames in a row are one stream; windows up to 8 MiB, as RFC 9659 has it for HTTP | 9 MiB |
//!
//! One coding a body: a list such as `gzip, br`, and every name that is not exactly one of these, means bytes as they
//! are. OpenReplay's service knows `gzip` alone and takes everything else for bytes as they are; a caller who has to stay
//! compatible takes a body that is not in its coding, `gzip` apart, in the same way ([`Coding::is_binding`]). A label that a proxy has
//! left or dropped is seen through ([`Coding::of_body`]).

mod brotli;
mod deflate;
pub mod gzip;
mod label;
mod zstd;

use std::fmt;

use brotli::Brotli;
use deflate::Deflate;
use gzip::{BodyError, GunzipError, Gzip};
pub use label::{Label, Plain, Reading};
use zstd::Zstd;

/// What one step takes of the compressed form at most. Tables are cheap to send and dear to build: this many bytes of nothing
/// else than tables take a few milliseconds.
const TAKEN_BYTES_MAX: usize = 4 * 1024;

/// A good size for the pieces that come out, in bytes.
pub const PIECE_BYTES: usize = 32 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `gzip`.
    Gzip,
    /// `deflate`.
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
}

impl Coding {
    /// Every coding.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];

    /// The coding of a `Content-Encoding`, of which the first line counts. `None`: bytes as they are.
    pub fn of_header(value: Option<&[u8]>) -> Option<Self> {
        let name = value?.trim_ascii();
        Self::ALL.into_iter().find(|coding| coding.as_str().as_bytes() == name)
    }

    /// The coding of this name, which the log uses too. `None`: bytes as they are.
    pub fn named(name: &str) -> Option<Self> {
        Self::of_header(Some(name.as_bytes()))
    }

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// A body that names this coding has to be in it. Of the others OpenReplay's service knows nothing, and takes
    /// what comes for bytes as they are.
    pub const fn is_binding(self) -> bool {
        matches!(self, Self::Gzip)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a body was not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// gzip, in Go's words.
    #[error(transparent)]
    Gzip(#[from] BodyError),
    /// Another coding.
    #[error("can't read {coding} body: {fault}")]
    Other {
        /// The coding.
        coding: Coding,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with a body in a coding other than gzip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It ends too early.
    #[error("unexpected EOF")]
    Truncated,
    /// It is not in this coding, or something stands behind its end.
    #[error("corrupt input")]
    Corrupt,
    /// It would inflate to more than is allowed.
    #[error("http: request body too large")]
    TooLarge,
}

impl InflateError {
    /// The body may be sound, but it inflates to more than the limit.
    pub const fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::Gzip(BodyError::Read(GunzipError::TooLarge) | BodyError::Open(GunzipError::TooLarge))
                | Self::Other { fault: Fault::TooLarge, .. }
        )
    }

    const fn too_large(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(BodyError::Read(GunzipError::TooLarge)),
            coding => Self::Other { coding, fault: Fault::TooLarge },
        }
    }
}

/// What one step of a decoder did.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    /// Bytes of the compressed form that are behind.
    taken: usize,
    /// Bytes that stand in the piece.
    made: usize,
    /// The body is whole, and at its end.
    done: bool,
}

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Bytes that stand in the piece; there may be none though the body goes on.
    pub made: usize,
    /// The body is at its end, and whole.
    pub done: bool,
}

/// Decoders whose state is reused. One body at a time: [`begin`](Self::begin), then [`step`](Self::step) until it is done or fails.
#[derive(Default)]
pub struct Inflater {
    gzip: Gzip,
    deflate: Deflate,
    brotli: Brotli,
    zstd: Zstd,
    body: Option<Body>,
}

/// The body at hand.
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
    /// A fresh one. What a coding needs is made with the first body in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a body that may inflate to `limit` bytes at most, whatever became of the one before.
    pub fn begin(&mut self, coding: Coding, limit: usize) {
        self.body = Some(Body { coding, taken: 0, left: limit });
        match coding {
            Coding::Gzip => self.gzip.begin(),
            Coding::Deflate => self.deflate.begin(),
            Coding::Brotli => self.brotli.begin(),
            Coding::Zstd => self.zstd.begin(),
        }
    }

    /// Inflates the body at hand a little further, into `piece`, which must not be empty. `body` is the whole of it each
    /// time. Behind its end, or behind a fault, nothing more comes.
    pub fn step(&mut self, body: &[u8], piece: &mut [u8]) -> Result<Step, InflateError> {
        let Some(mut at) = self.body.take() else { return Ok(Step { made: 0, done: true }) };
        let rest = body.get(at.taken..).unwrap_or_default();
        let other = |fault| InflateError::Other { coding: at.coding, fault };
        let moved = match at.coding {
            Coding::Gzip => self.gzip.step(rest, piece)?,
            Coding::Deflate => self.deflate.step(rest, piece).map_err(other)?,
            Coding::Brotli => self.brotli.step(rest, piece).map_err(other)?,
            Coding::Zstd => self.zstd.step(rest, piece).map_err(other)?,
        };
        if moved.made > at.left {
            return Err(InflateError::too_large(at.coding));
        }
        at.taken += moved.taken;
        at.left -= moved.made;
        if !moved.done {
            self.body = Some(at);
        } else if at.coding == Coding::Brotli {
            self.brotli.end();
        }
        Ok(Step { made: moved.made, done: moved.done })
    }

    /// Forgets the body at hand, and gives back what large memory it took. A decoder of the codings that need little is kept.
    pub fn end(&mut self) {
        self.body = None;
        self.brotli.end();
        self.zstd.end();
    }

    /// Hands the inflated body to `take` in pieces, in one go: for threads that may be busy for as long as it takes.
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

    /// Replaces the content of `out` by the inflated body, in one go. On an error `out` holds what came before it.
    pub fn inflate(
        &mut self,
        coding: Coding,
        body: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        out.clear();
        self.pieces(coding, body, limit, |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
