//! `POST /v1/mobile/i` and `late`: a phone sends a batch.
//!
//! The body is stored as received. Its first bytes tell how it is compressed, not its label: the Android tracker labels bodies that it
//! failed to compress, and the iOS tracker sends stored batches without a label.

use crate::codec::inflate::gzip::GzipBodyError;
use crate::codec::inflate::{Coding, InflateError};
use crate::records::{MobileBatch, encoding_of};
use crate::session::SessionId;

use super::body::{BodyFacts, Question};
use super::judging::{Judged, Unjudged};
use super::refusal::{Reason, Refusal};

/// The inputs from the request.
#[derive(Debug, Clone, Copy)]
pub struct MobileBatchInput<'a> {
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// The token expired a moment ago: the batch is stored, and the client is told.
    pub just_expired: bool,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate a compressed body before the answer, and refuse broken ones; the value is the largest inflated body.
    pub inflate: Option<usize>,
}

impl<'a> MobileBatchInput<'a> {
    fn coding(&self) -> Option<Coding> {
        Coding::begun(self.body)
    }

    fn judged(&self, refusal: Option<Refusal>) -> Judged<'a> {
        let record = MobileBatch {
            session: self.session,
            project: self.project,
            encoding: encoding_of(self.coding()),
            just_expired: self.just_expired,
            body: self.body,
        };
        Judged { entry: record.entry(), refusal, set_aside: false, reading: None }
    }
}

impl<'a> Unjudged<'a> for MobileBatchInput<'a> {
    fn question(&self) -> Option<Question> {
        Some(Question { coding: self.coding()?, byte_at: None, whole: true, seam: false, limit: self.inflate? })
    }

    fn judge(self, found: Option<Result<BodyFacts, InflateError>>, _: &'a [u8]) -> Judged<'a> {
        self.judged(found.and_then(Result::err).map(|error| unreadable(&error)))
    }

    fn refuse(self, refusal: Refusal, _: &'a [u8]) -> Judged<'a> {
        self.judged(Some(refusal))
    }
}

/// The refusal of a batch that does not inflate. It is the client's fault; OpenReplay answers 500 with the same text.
fn unreadable(error: &InflateError) -> Refusal {
    let text = match error {
        InflateError::Gzip(GzipBodyError::Open(fault) | GzipBodyError::Read(fault)) => fault.to_string(),
        other => other.to_string(),
    };
    if error.is_too_large() {
        return Refusal::new(413, Reason::BodyTooLarge, text);
    }
    Refusal::new(400, Reason::Compression, text)
}

#[cfg(test)]
mod tests;
