//! What the decoders have in common: the size and the result of one step, and what can be wrong with a body.

/// The most compressed bytes that one step takes. Tables are cheap to send and expensive to build: if these bytes are nothing but tables,
/// the step takes a few milliseconds.
pub(super) const TAKEN_BYTES_MAX: usize = 4 * 1024;

/// What one step of a decoder did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DecodeProgress {
    /// Compressed bytes that were taken.
    pub(super) taken: usize,
    /// Bytes that were written to the piece.
    pub(super) made: usize,
    /// The body has ended, and is whole.
    pub(super) done: bool,
}

/// What is wrong with a body in a coding other than gzip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeFault {
    /// It ends too early.
    #[error("unexpected EOF")]
    Truncated,
    /// It is not in this coding, or more bytes follow its end.
    #[error("corrupt input")]
    Corrupt,
    /// It would inflate to more than the limit.
    #[error("http: request body too large")]
    TooLarge,
}
