//! What must be known about a compressed body before the answer: questions about it, and inflating it far enough to answer them.

use std::fmt;

use crate::codec::inflate::{Coding, InflateError, Inflater, PIECE_BYTES};
use crate::tracker::{Seam, SeamFinder};

use super::refusal::{Reason, Refusal};

/// Upstream's text for a body over the limit.
pub const TOO_LARGE: &str = "http: request body too large";

/// The refusal of a body that does not inflate.
pub fn refuse_inflate(error: &InflateError) -> Refusal {
    let reason = if error.is_too_large() { Reason::BodyTooLarge } else { Reason::Compression };
    Refusal::new(413, reason, error.to_string())
}

/// What to find out about a compressed body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// How it is compressed.
    pub coding: Coding,
    /// Find the byte at this offset of the inflated body.
    pub byte_at: Option<usize>,
    /// Inflate it to the end, to check that it is whole.
    pub whole: bool,
    /// Find where a second batch begins in it.
    pub seam: bool,
    /// The largest inflated body.
    pub limit: usize,
}

/// What was found in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BodyFacts {
    /// The byte that was asked for; `None` if the body ends before it.
    pub byte: Option<u8>,
    /// Whether and where a second batch begins, if that was asked.
    pub seam: Option<Seam>,
}

/// Inspects one body at a time, in steps of at most a few milliseconds. Only one piece of the inflated body is in memory at a time.
pub struct BodyInspector {
    inflater: Inflater,
    piece: Box<[u8]>,
    byte_at: Option<usize>,
    whole: bool,
    seam: Option<SeamFinder>,
    made: usize,
    seen: BodyFacts,
}

impl Default for BodyInspector {
    fn default() -> Self {
        Self {
            inflater: Inflater::new(),
            piece: vec![0; PIECE_BYTES].into(),
            byte_at: None,
            whole: false,
            seam: None,
            made: 0,
            seen: BodyFacts::default(),
        }
    }
}

impl fmt::Debug for BodyInspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyInspector").field("made", &self.made).finish_non_exhaustive()
    }
}

impl BodyInspector {
    /// Begins a new body, even if the previous one was not finished.
    pub fn begin(&mut self, question: &Question) {
        self.inflater.begin(question.coding, question.limit);
        self.byte_at = question.byte_at;
        self.whole = question.whole || question.seam;
        self.seam = question.seam.then(SeamFinder::default);
        self.made = 0;
        self.seen = BodyFacts::default();
    }

    /// Ends the body, and frees any large memory that it took.
    pub fn end(&mut self) {
        self.inflater.end();
    }

    /// Runs the next step. `body` is the whole body each time. `None`: call again.
    pub fn step(&mut self, body: &[u8]) -> Result<Option<BodyFacts>, InflateError> {
        let step = self.inflater.step(body, &mut self.piece)?;
        if let Some(byte) = self.byte_at.and_then(|at| self.piece[..step.made].get(at.checked_sub(self.made)?)) {
            self.seen.byte = Some(*byte);
        }
        self.made += step.made;
        if let Some(finder) = &mut self.seam {
            finder.walk(&self.piece[..step.made]);
            self.seen.seam = Some(finder.found());
        }
        let over = step.done || (!self.whole && self.seen.byte.is_some());
        Ok(over.then_some(self.seen))
    }

    /// Runs all steps at once.
    pub fn look(&mut self, question: &Question, body: &[u8]) -> Result<BodyFacts, InflateError> {
        self.begin(question);
        loop {
            if let Some(seen) = self.step(body)? {
                return Ok(seen);
            }
        }
    }
}
