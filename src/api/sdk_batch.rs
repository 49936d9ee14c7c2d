//! `POST /v1/sdk/i`: the analytics SDK sends events.
//!
//! The body is stored as received. It should be JSON, but judging that is left to the queue's reader: when the SDK sends events at once, it
//! leaves out the wrapper that this reader expects, and a refusal would not make it send one.

use crate::codec::inflate::{Coding, InflateError, Label, Plain, Reading};
use crate::records::{SdkBatch, encoding_of};
use crate::session::SessionId;

use super::body::{BodyFacts, Question, refuse_inflate};
use super::judging::{Judged, Unjudged};
use super::refusal::Refusal;

/// The inputs from the request.
#[derive(Debug, Clone, Copy)]
pub struct SdkBatchInput<'a> {
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a [u8]>,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate a compressed body before the answer, and refuse broken ones.
    pub inflate: bool,
    /// The largest inflated body.
    pub inflated_limit: usize,
}

/// Events whose body has not been inspected yet.
#[derive(Debug)]
pub struct UnjudgedEvents<'a> {
    input: SdkBatchInput<'a>,
    reading: Reading,
}

/// Reads how the body is compressed.
pub fn read(input: SdkBatchInput<'_>) -> UnjudgedEvents<'_> {
    let reading = Coding::of_body(input.content_encoding, Plain::Json, input.body);
    UnjudgedEvents { input, reading }
}

impl<'a> Unjudged<'a> for UnjudgedEvents<'a> {
    fn question(&self) -> Option<Question> {
        let coding = self.reading.coding.filter(|_| self.input.inflate || self.reading.label == Label::InDoubt)?;
        Some(Question { coding, byte_at: None, whole: true, seam: false, limit: self.input.inflated_limit })
    }

    /// A body that does not inflate is refused, or it is not in the coding that it claims and is taken as plain bytes.
    fn judge(mut self, found: Option<Result<BodyFacts, InflateError>>, _: &'a [u8]) -> Judged<'a> {
        let Some(Err(error)) = found else { return self.judged(None) };
        // Only the label was in doubt, and it has turned out to be right.
        if error.is_too_large() && !self.input.inflate {
            return self.judged(None);
        }
        if error.is_too_large() || self.reading.coding.is_some_and(Coding::is_binding) {
            return self.judged(Some(refuse_inflate(&error)));
        }
        self.reading.turned_out_plain();
        self.judged(None)
    }

    fn refuse(self, refusal: Refusal, _: &'a [u8]) -> Judged<'a> {
        self.judged(Some(refusal))
    }
}

impl<'a> UnjudgedEvents<'a> {
    fn judged(self, refusal: Option<Refusal>) -> Judged<'a> {
        let SdkBatchInput { session, project, body, .. } = self.input;
        let record = SdkBatch { session, project, encoding: encoding_of(self.reading.coding), body };
        Judged { entry: record.entry(), refusal, set_aside: false, reading: Some(self.reading) }
    }
}

#[cfg(test)]
mod tests;
