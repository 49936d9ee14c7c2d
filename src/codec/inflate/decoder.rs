//! What the decoders have in common: how much one step does, and what comes of it.

/// The most that one step takes of the compressed form, in bytes. Tables are cheap to send and expensive to build: this many bytes of
/// nothing but tables take a few milliseconds.
pub(super) const TAKEN_BYTES_MAX: usize = 4 * 1024;

/// What one step of a decoder did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// Bytes of the compressed form that were taken.
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
    /// It is not in this coding, or something follows its end.
    #[error("corrupt input")]
    Corrupt,
    /// It would inflate to more than is allowed.
    #[error("http: request body too large")]
    TooLarge,
}
