//! The way of a batch from a request to a record, the same for every route: the headers and the query are read, the body is inspected if
//! necessary, the batch is judged, and the result is its record.

use crate::codec::inflate::{InflateError, Reading};
use crate::log::format::record::Entry;

use super::body::{BodyFacts, Question};
use super::refusal::Refusal;

/// A batch of which only the headers, the query and the first bytes are known. It borrows the body, and in the end the extension that was written
/// for its record.
pub trait Unjudged<'a>: Sized {
    /// What must be found out about a compressed body's content, if anything.
    fn question(&self) -> Option<Question>;

    /// Judges the batch by what was found in its body; `None` if nothing was asked.
    fn judge(self, found: Option<Result<BodyFacts, InflateError>>, ext: &'a [u8]) -> Judged<'a>;

    /// Refuses it without inspecting the body.
    fn refuse(self, refusal: Refusal, ext: &'a [u8]) -> Judged<'a>;
}

/// The verdict on a batch.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Its record; if it is refused, the record that it would have been.
    pub entry: Entry<'a>,
    /// Why it is refused, if it is.
    pub refusal: Option<Refusal>,
    /// It is stored marked as unusable and goes into no queue, because where to cut it is uncertain.
    pub set_aside: bool,
    /// How the body was read, if its label counts.
    pub reading: Option<Reading>,
}
