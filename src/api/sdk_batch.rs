//! `POST /v1/sdk/i`: the analytics SDK sends events.
//!
//! The body is stored as received. It is JSON, but that is for the reader of the queue to judge: the SDK leaves out the
//! wrapper that reader looks for when it sends at once, and a refusal would not make it say more.

use crate::codec::inflate::{Coding, InflateError, Label, Plain, Reading};
use crate::records::{SdkBatch, encoding_of};
use crate::session::SessionId;

use super::body::{Question, refuse_inflate};
use super::refusal::Refusal;

/// What the request brought.
#[derive(Debug, Clone, Copy)]
pub struct SdkBatchInput<'a> {
    /// The session that the token names.
    pub session: SessionId,
    /// Its project, 0 if not known.
    pub project: u32,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a [u8]>,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate a compressed body before the answer and refuse what is broken.
    pub inflate: bool,
    /// The largest inflated body.
    pub inflated_limit: usize,
}

impl<'a> SdkBatchInput<'a> {
    /// How the body is compressed.
    pub fn reading(&self) -> Reading {
        Coding::of_body(self.content_encoding, Plain::Json, self.body)
    }

    /// What has to be known of the inside of the body, if anything.
    pub fn question(&self, reading: Reading) -> Option<Question> {
        let coding = reading.coding.filter(|_| self.inflate || reading.label == Label::InDoubt)?;
        Some(Question { coding, byte_at: None, whole: true, seam: false, limit: self.inflated_limit })
    }

    /// What a body that does not inflate comes to: a refusal, or it is not in the coding that it names, and is taken as it is.
    pub fn unreadable(&self, reading: &mut Reading, error: &InflateError) -> Result<(), Refusal> {
        // Only its label was in doubt, and it is the right one.
        if error.is_too_large() && !self.inflate {
            return Ok(());
        }
        if error.is_too_large() || reading.coding.is_some_and(Coding::is_binding) {
            return Err(refuse_inflate(error));
        }
        reading.turned_out_plain();
        Ok(())
    }

    /// The record of the events.
    pub fn record(&self, reading: Reading) -> SdkBatch<'a> {
        let encoding = encoding_of(reading.coding);
        SdkBatch { session: self.session, project: self.project, encoding, body: self.body }
    }
}

#[cfg(test)]
mod tests;
