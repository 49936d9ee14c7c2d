//! Forms (`multipart/form-data`) are parsed as they arrive, in the connection's buffer. What was parsed is dropped before more is received.

use crate::http::multipart::{FormFault, Multipart, Step};
use crate::http::params::{Param, Parameterised};
use crate::server::io::body::{BodyError, IncomingBody};
use crate::server::request::context::Context;

/// How much of a field's value is kept.
const VALUE_BYTES_KEPT: usize = 256;

/// The longest boundary; the standard allows 70 bytes.
const BOUNDARY_BYTES_MAX: usize = 256;

/// Why a form cannot be read.
#[derive(Debug)]
pub enum FormError {
    /// The body itself: its framing, its length or its connection.
    Body(BodyError),
    /// It is not a form, or one that breaks off.
    Malformed(&'static str),
    /// It exceeds this limit.
    TooLarge(&'static str),
}

impl From<FormFault> for FormError {
    /// Uses upstream's texts where it has them.
    fn from(fault: FormFault) -> Self {
        match fault {
            FormFault::NoPart => Self::Malformed("multipart: NextPart: EOF"),
            FormFault::CutOff => Self::Malformed("unexpected EOF"),
            FormFault::Head => Self::Malformed("malformed MIME header"),
            FormFault::HeadTooLarge => Self::TooLarge("the head of a part is too large"),
        }
    }
}

/// The limits of a form.
#[derive(Debug, Clone, Copy)]
pub struct FormLimits {
    /// Files and fields.
    pub parts_max: u64,
    /// Bytes of the header lines before a part.
    pub part_head_bytes: u64,
    /// Bytes of the value of a field that is not a file.
    pub field_bytes: u64,
}

/// The boundary of the form that a `Content-Type` announces, or upstream's text if it announces none.
pub fn boundary(content_type: Option<&[u8]>) -> Result<Vec<u8>, &'static str> {
    let read = content_type.and_then(Parameterised::parse);
    let Some(read) = read.filter(|read| read.value == "multipart/form-data") else {
        return Err("request Content-Type isn't multipart/form-data");
    };
    match read.param("boundary") {
        Param::Value(boundary) if (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()) => Ok(boundary),
        _ => Err("no multipart boundary param in Content-Type"),
    }
}

/// A file or a field of a form.
pub struct Part {
    /// The name of the field; empty if it has none.
    pub name: Vec<u8>,
    /// The name of the file, if it is one; empty if it cannot be read.
    pub file_name: Option<Vec<u8>>,
}

/// A form that is being received.
pub struct Form {
    body: IncomingBody,
    parser: Multipart,
    limits: FormLimits,
    parts: u64,
}

impl Form {
    /// Reads `body` as a form with this boundary.
    pub fn new(body: IncomingBody, boundary: &[u8], limits: FormLimits) -> Self {
        let head_bytes_max = usize::try_from(limits.part_head_bytes).unwrap_or(usize::MAX / 2);
        Self { body, parser: Multipart::new(boundary, head_bytes_max), limits, parts: 0 }
    }

    /// The next part. The one before it must have been read to its end.
    pub async fn next_part(&mut self, cx: &mut Context<'_>) -> Result<Option<Part>, FormError> {
        let head = loop {
            match self.parser.next_part(cx.received(&self.body))? {
                Step::Ready(head) => break head,
                Step::NeedsMore => self.receive(cx).await?,
            }
        };
        let Some(head) = head else { return Ok(None) };
        self.parts += 1;
        if self.parts > self.limits.parts_max {
            return Err(FormError::TooLarge("too many parts"));
        }
        Ok(Some(Part { name: head.name, file_name: head.file_name }))
    }

    /// The next bytes of the part; `None` at its end.
    pub async fn next_bytes<'b>(&mut self, cx: &'b mut Context<'_>) -> Result<Option<&'b [u8]>, FormError> {
        let range = loop {
            match self.parser.next_bytes(cx.received(&self.body))? {
                Step::Ready(range) => break range,
                Step::NeedsMore => self.receive(cx).await?,
            }
        };
        let Some(range) = range else { return Ok(None) };
        Ok(Some(&cx.received(&self.body)[range]))
    }

    /// The value of a field that is not a file. Only the first bytes of a long one are kept, since the values that matter are short.
    pub async fn value(&mut self, cx: &mut Context<'_>) -> Result<Vec<u8>, FormError> {
        let field_bytes_max = self.limits.field_bytes;
        let (mut value, mut value_bytes) = (Vec::new(), 0);
        while let Some(bytes) = self.next_bytes(cx).await? {
            value_bytes += bytes.len() as u64;
            if value_bytes > field_bytes_max {
                return Err(FormError::TooLarge("a form field is too large"));
            }
            let room = VALUE_BYTES_KEPT - value.len();
            value.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(value)
    }

    /// Reads and drops the rest of the body, at most `bytes_max` of it.
    pub async fn drop_rest(&mut self, cx: &mut Context<'_>, bytes_max: u64) -> Result<(), FormError> {
        let (mut parsed, mut dropped_bytes) = (self.parser.used_up(), 0);
        loop {
            let received = cx.received(&self.body).len();
            dropped_bytes += (received - std::mem::take(&mut parsed)) as u64;
            if dropped_bytes > bytes_max {
                return Err(FormError::TooLarge("too much is left of the body"));
            }
            if cx.receive_more(&mut self.body, received).await.map_err(FormError::Body)? {
                return Ok(());
            }
        }
    }

    /// Body bytes received so far.
    pub fn received_bytes(&self) -> u64 {
        self.body.received()
    }

    /// Drops what was parsed, and receives more.
    async fn receive(&mut self, cx: &mut Context<'_>) -> Result<(), FormError> {
        let parsed = self.parser.used_up();
        if cx.receive_more(&mut self.body, parsed).await.map_err(FormError::Body)? {
            self.parser.end();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
