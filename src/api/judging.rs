//! A batch on its way from a request to a record, the same for every route: what stands around it is read, its inside is looked at where that is
//! needed, it is judged, and there is its record.

use crate::codec::inflate::{InflateError, Reading};
use crate::log::format::record::Entry;

use super::body::{BodyFacts, Question};
use super::refusal::Refusal;

/// A batch of which only the surroundings are known: headers, query, the first bytes. It borrows the body, and at the end the extension that was
/// written for its record.
pub trait Unjudged<'a>: Sized {
    /// What has to be known of the inside of a compressed body, if anything.
    fn question(&self) -> Option<Question>;

    /// Judges the batch by what was found in it; `None` where nothing was asked.
    fn judge(self, found: Option<Result<BodyFacts, InflateError>>, ext: &'a [u8]) -> Judged<'a>;

    /// Refuses it without a look inside.
    fn refuse(self, refusal: Refusal, ext: &'a [u8]) -> Judged<'a>;
}

/// A batch that has been judged.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Its record. Of a refused one, the record that it would have been.
    pub entry: Entry<'a>,
    /// Why it is refused, if it is.
    pub refusal: Option<Refusal>,
    /// It is stored to be kept and goes into no queue: nobody can say where to cut it.
    pub set_aside: bool,
    /// How the body was read, where its label counts.
    pub reading: Option<Reading>,
}
