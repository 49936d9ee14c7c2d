//! `POST /v1/web/i`: a browser sends a batch.
//!
//! The body is stored as received. Before the answer, only what decides its destination is inspected: the data type, and the `split` of a
//! `visual` upload.
//!
//! Trackers 18.0.17 to 18.1.2 label a page's first upload `visual` regardless of its content, and send no split if the page has neither a
//! style sheet nor an image. Such an upload is a single player batch. If it were refused, the tracker would retry ten times, and the page
//! would never record again.

use std::borrow::Cow;
use std::num::IntErrorKind;

use crate::codec::inflate::{Coding, InflateError, Label as Worth, Plain, Reading};
use crate::http::query;
use crate::log::format::record::{DataType, Ext, Label};
use crate::records::{BatchTexts, WebBatch, data_type_of, encoding_of, mark_unusable};
use crate::session::SessionId;
use crate::tracker::{Seam, SeamFinder, ids};

use super::body;
use super::body::{BodyFacts, Question};
use super::judging::{Judged, Unjudged};
use super::refusal::{Reason, Refusal};

/// The first byte of every web batch: the id of its metadata, which takes one byte.
const BATCH_METADATA: u8 = ids::BATCH_METADATA as u8;

/// Buffers that grew beyond this are freed.
const KEPT_BYTES: usize = 4 * 1024;

/// The inputs from the request. A header value is that of the field's first line, as received.
#[derive(Debug, Clone, Copy)]
pub struct BatchInput<'a> {
    /// The token's session.
    pub session: SessionId,
    /// Its project; 0 if unknown.
    pub project: u32,
    /// The token expired a moment ago: the batch is stored, and the client is told.
    pub just_expired: bool,
    /// `DataType`.
    pub data_type: Option<&'a [u8]>,
    /// `Content-Encoding`. Only a value that is exactly one coding's name has a meaning.
    pub content_encoding: Option<&'a [u8]>,
    /// The query, without the question mark.
    pub query: Option<&'a [u8]>,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate every compressed body before the answer, and refuse broken ones.
    pub inflate: bool,
    /// The largest inflated body.
    pub inflated_limit: usize,
}

/// Reusable buffers for judging a batch.
#[derive(Default)]
pub struct BatchScratch {
    /// The decoded `batch` parameter.
    batch: Vec<u8>,
    split: Vec<u8>,
    value: Vec<u8>,
}

impl BatchScratch {
    /// Frees buffers that a long query made large.
    #[inline]
    pub fn give_back(&mut self) {
        for text in [&mut self.batch, &mut self.split, &mut self.value] {
            if text.capacity() > KEPT_BYTES {
                *text = Vec::new();
            }
        }
    }
}

/// A web batch whose body has not been inspected yet.
#[derive(Debug)]
pub struct UnjudgedBatch<'a> {
    input: BatchInput<'a>,
    data_type: DataType,
    reading: Reading,
    label: Option<Label>,
    cut: Cut,
}

/// Where a batch is to be cut in two.
#[derive(Debug)]
enum Cut {
    /// It is one batch.
    None,
    /// Before this byte of the inflated body, as the client says.
    At(u32),
    /// It is `visual` without a split: the body's structure decides.
    Sought,
    /// The client's split is invalid.
    Bad(Refusal),
}

/// Reads the headers and the query, and writes the record's extension to `ext`.
#[inline]
pub fn read<'a>(input: BatchInput<'a>, scratch: &mut BatchScratch, ext: &mut Vec<u8>) -> UnjudgedBatch<'a> {
    let (data_type, other) = data_type_of(input.data_type);
    read_query(input.query, scratch);
    let cut = match data_type {
        DataType::Visual if scratch.split.is_empty() => Cut::Sought,
        DataType::Visual => parse_split(&scratch.split, input.inflated_limit).map_or_else(Cut::Bad, Cut::At),
        _ => Cut::None,
    };
    let query = Some(&*scratch.batch).filter(|query| !query.is_empty());
    BatchTexts { data_type: other, query }.write(ext);
    let reading = Coding::of_body(input.content_encoding, Plain::Batch, input.body);
    UnjudgedBatch { input, data_type, reading, label: label(&scratch.batch), cut }
}

impl<'a> Unjudged<'a> for UnjudgedBatch<'a> {
    #[inline]
    fn question(&self) -> Option<Question> {
        let byte_at = match self.cut {
            Cut::Bad(_) => return None,
            Cut::At(split) => Some(split as usize),
            Cut::None | Cut::Sought => None,
        };
        let asked = Question {
            coding: self.reading.coding?,
            byte_at,
            whole: self.input.inflate || self.reading.label == Worth::InDoubt,
            seam: matches!(self.cut, Cut::Sought),
            limit: self.input.inflated_limit,
        };
        (asked.whole || asked.seam || asked.byte_at.is_some()).then_some(asked)
    }

    #[inline]
    fn judge(mut self, found: Option<Result<BodyFacts, InflateError>>, ext: &'a [u8]) -> Judged<'a> {
        let judged = match std::mem::replace(&mut self.cut, Cut::None) {
            Cut::Sought => return self.judge_uncut(found, ext),
            Cut::Bad(refusal) => Err(refusal),
            Cut::None => self.judge_split(0, found),
            Cut::At(split) => {
                let judged = self.judge_split(split as usize, found);
                self.cut = Cut::At(split);
                judged
            }
        };
        self.judged(judged.err(), false, ext)
    }

    #[inline]
    fn refuse(self, refusal: Refusal, ext: &'a [u8]) -> Judged<'a> {
        self.judged(Some(refusal), false, ext)
    }
}

impl<'a> UnjudgedBatch<'a> {
    /// Judges a batch that is to be cut at `split`; 0 means that it is not cut.
    #[inline]
    fn judge_split(&mut self, split: usize, found: Option<Result<BodyFacts, InflateError>>) -> Result<(), Refusal> {
        let mut byte = self.input.body.get(split).copied();
        match found {
            None => {}
            Some(Ok(found)) => byte = found.byte,
            Some(Err(error)) => {
                // Only the label was in doubt, and it has turned out to be right.
                if error.is_too_large() && split == 0 && !self.input.inflate {
                    return Ok(());
                }
                if error.is_too_large() || self.is_binding() {
                    return Err(body::refuse_inflate(&error));
                }
                // Not in the coding that it claims, so it is taken as plain bytes.
                self.reading.turned_out_plain();
            }
        }
        match byte {
            _ if split == 0 => Ok(()),
            None => Err(bad_split("split value is out of range")),
            // The second batch of a `visual` upload begins at its split.
            Some(BATCH_METADATA) => Ok(()),
            Some(_) => Err(bad_split("split does not point at the start of a batch")),
        }
    }

    /// Judges a `visual` upload without a split. A single batch is a player batch. Two batches are cut where their structure says so for
    /// certain; otherwise they are set aside.
    fn judge_uncut(mut self, found: Option<Result<BodyFacts, InflateError>>, ext: &'a [u8]) -> Judged<'a> {
        let seam = match found {
            None => seam_of(self.input.body),
            Some(Ok(found)) => found.seam.unwrap_or(Seam::None),
            Some(Err(error)) if !error.is_too_large() && !self.is_binding() => {
                // Not in the coding that it claims, so it is taken as plain bytes.
                self.reading.turned_out_plain();
                seam_of(self.input.body)
            }
            Some(Err(error)) if self.input.inflate => {
                return self.judged(Some(body::refuse_inflate(&error)), false, ext);
            }
            // Treated like any other player batch that does not inflate.
            Some(Err(_)) => Seam::None,
        };
        let mut set_aside = false;
        match seam {
            Seam::None => self.data_type = DataType::Player,
            Seam::At(at) => match u32::try_from(at) {
                Ok(split) => self.cut = Cut::At(split),
                Err(_) => set_aside = true,
            },
            Seam::Uncertain => set_aside = true,
        }
        self.judged(None, set_aside, ext)
    }

    fn is_binding(&self) -> bool {
        self.reading.coding.is_some_and(Coding::is_binding)
    }

    #[inline]
    fn judged(self, refusal: Option<Refusal>, set_aside: bool, ext: &'a [u8]) -> Judged<'a> {
        let batch = WebBatch {
            session: self.input.session,
            project: self.input.project,
            data_type: self.data_type,
            encoding: encoding_of(self.reading.coding),
            split: match self.cut {
                Cut::At(split) => split,
                Cut::None | Cut::Sought | Cut::Bad(_) => 0,
            },
            label: self.label,
            just_expired: self.input.just_expired,
            ext: Ext(ext),
            body: self.input.body,
        };
        let entry = if set_aside { mark_unusable(batch.entry()) } else { batch.entry() };
        Judged { entry, refusal, set_aside, reading: Some(self.reading) }
    }
}

fn seam_of(body: &[u8]) -> Seam {
    let mut finder = SeamFinder::default();
    finder.walk(body);
    finder.found()
}

/// Fills the scratch's `batch` and `split`; the first pair with each name counts.
fn read_query(text: Option<&[u8]>, scratch: &mut BatchScratch) {
    let BatchScratch { batch, split, value } = scratch;
    batch.clear();
    split.clear();
    let Some(text) = text else { return };
    let (mut has_batch, mut has_split) = (false, false);
    let mut pairs = query::Pairs::new(text, value);
    while let Some((key, value)) = pairs.next() {
        let (into, had) = match key {
            b"batch" => (&mut *batch, &mut has_batch),
            b"split" => (&mut *split, &mut has_split),
            _ => continue,
        };
        if !std::mem::replace(had, true) {
            into.extend_from_slice(value);
        }
    }
}

/// The decoded `batch` parameter of a query; empty if there is none.
pub fn label_text<'a>(query: Option<&[u8]>, scratch: &'a mut BatchScratch) -> &'a [u8] {
    query::find(query.unwrap_or_default(), "batch", &mut scratch.value).unwrap_or_default()
}

/// Where the second batch of a `visual` upload begins, in inflated bytes. It must lie inside the largest allowed body, so below `limit`;
/// this is checked before anything is inflated to look there.
fn parse_split(text: &[u8], limit: usize) -> Result<u32, Refusal> {
    let text = String::from_utf8_lossy(text);
    let split = text.parse::<i64>().map_err(|error| {
        let fault = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        bad_split(format!("strconv.Atoi: parsing {text:?}: {fault}"))
    })?;
    let usable = u32::try_from(split).ok().filter(|&split| split > 0 && (split as usize) < limit);
    usable.ok_or_else(|| bad_split("split value is out of range"))
}

fn bad_split(text: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(400, Reason::Parameter, text)
}

/// The label `<page>_<number>` at the start of the `batch` parameter.
#[inline]
fn label(batch: &[u8]) -> Option<Label> {
    let mut parts = batch.splitn(3, |&b| b == b'_');
    let page = number(parts.next()?)?;
    let number = number(parts.next()?)?;
    Some(Label { page, number })
}

fn number(digits: &[u8]) -> Option<u32> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !plain {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
