//! Forms (`multipart/form-data`) read as they come: the body goes through the parser piece by piece, and nothing of it is kept.
//!
//! The parser asks for bytes, and gets none until the next piece has been received: so there is one piece at a time on the way, and
//! no second task. It has no limit on the lines before a part, which are therefore counted here.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use futures_core::Stream;
use multer::{Error, Field, Multipart};

use crate::http::Body;

use super::io::{BodyError, Io, PIECE_BYTES_MAX};

/// What is kept of the value of a field.
const VALUE_BYTES_KEPT: usize = 256;

/// Why a form cannot be read.
#[derive(Debug)]
pub enum FormError {
    /// The body itself: its framing, its length, its connection.
    Body(BodyError),
    /// It is no form, or one that breaks off.
    Malformed(&'static str),
    /// It is over this limit.
    TooLarge(&'static str),
}

/// The bounds of a form.
#[derive(Debug, Clone, Copy)]
pub struct FormLimits {
    /// Files and fields.
    pub parts_max: u64,
    /// The lines before a part, its boundary included.
    pub part_head_bytes: u64,
    /// The value of a field that is no file.
    pub field_bytes: u64,
}

/// Where the parser finds the piece that was received last.
struct Slot {
    piece: ArrayQueue<Bytes>,
    ended: AtomicBool,
}

struct Pieces(Arc<Slot>);

impl Stream for Pieces {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.piece.pop() {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None if self.0.ended.load(Ordering::Relaxed) => Poll::Ready(None),
            // Nobody is woken: who polls feeds.
            None => Poll::Pending,
        }
    }
}

/// A file or a field of a form.
pub struct Part {
    field: Field<'static>,
    /// The name of the field; empty if it has none.
    pub name: String,
    /// The name of the file, if it is one. A name that cannot be read is empty.
    pub file_name: Option<String>,
}

/// A form on its way in.
pub struct Form {
    body: Body,
    parser: Multipart<'static>,
    slot: Arc<Slot>,
    limits: FormLimits,
    parts: u64,
}

impl Form {
    /// Reads `body` as a form with this boundary.
    pub fn new(body: Body, boundary: String, limits: FormLimits) -> Self {
        let slot = Arc::new(Slot { piece: ArrayQueue::new(1), ended: AtomicBool::new(false) });
        let parser = Multipart::new(Pieces(Arc::clone(&slot)), boundary);
        Self { body, parser, slot, limits, parts: 0 }
    }

    /// The next part, once the one before it has been read to its end.
    pub async fn next_part(&mut self, io: &mut Io) -> Result<Option<Part>, FormError> {
        let head_bytes_max = self.limits.part_head_bytes;
        let mut fed_bytes = 0;
        let field = loop {
            if let Poll::Ready(found) = self.parser.poll_next_field(&mut no_context()) {
                break found.map_err(|error| malformed(&error))?;
            }
            // The first piece may hold the end of what came before.
            if fed_bytes > head_bytes_max + PIECE_BYTES_MAX as u64 {
                return Err(FormError::TooLarge("the head of a part is too large"));
            }
            fed_bytes += self.feed(io).await?;
        };
        let Some(field) = field else { return Ok(None) };
        self.parts += 1;
        if self.parts > self.limits.parts_max {
            return Err(FormError::TooLarge("too many parts"));
        }
        let lines = field.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        if lines.sum::<usize>() as u64 > head_bytes_max {
            return Err(FormError::TooLarge("the head of a part is too large"));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = file_name(&field);
        Ok(Some(Part { field, name, file_name }))
    }

    /// The next bytes of a part; `None`: it has ended.
    pub async fn next_bytes(&mut self, io: &mut Io, part: &mut Part) -> Result<Option<Bytes>, FormError> {
        loop {
            if let Poll::Ready(bytes) = Pin::new(&mut part.field).poll_next(&mut no_context()) {
                return bytes.transpose().map_err(|error| malformed(&error));
            }
            self.feed(io).await?;
        }
    }

    /// The value of a field that is no file; of a long one the first bytes, since those that mean something are short.
    pub async fn value(&mut self, io: &mut Io, part: &mut Part) -> Result<Vec<u8>, FormError> {
        let (mut value, mut value_bytes) = (Vec::new(), 0);
        while let Some(bytes) = self.next_bytes(io, part).await? {
            value_bytes += bytes.len() as u64;
            if value_bytes > self.limits.field_bytes {
                return Err(FormError::TooLarge("a form field is too large"));
            }
            let room = VALUE_BYTES_KEPT - value.len();
            value.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(value)
    }

    /// Reads and drops what is left of the body, at most `bytes_max` of it, and says where the next request begins in
    /// the buffer.
    pub async fn drop_rest(&mut self, io: &mut Io, bytes_max: u64) -> Result<usize, FormError> {
        let mut dropped_bytes = 0;
        while let Some(piece) = io.receive_piece(&mut self.body).await.map_err(FormError::Body)? {
            dropped_bytes += piece.len() as u64;
            if dropped_bytes > bytes_max {
                return Err(FormError::TooLarge("too much is left of the body"));
            }
        }
        Ok(self.body.consumed())
    }

    /// Body bytes received so far.
    pub fn received_bytes(&self) -> u64 {
        self.body.received()
    }

    /// Receives a piece for the parser.
    async fn feed(&mut self, io: &mut Io) -> Result<u64, FormError> {
        if self.slot.ended.load(Ordering::Relaxed) {
            return Err(FormError::Malformed("unexpected EOF"));
        }
        let Some(piece) = io.receive_piece(&mut self.body).await.map_err(FormError::Body)? else {
            self.slot.ended.store(true, Ordering::Relaxed);
            return Ok(0);
        };
        let bytes = piece.len() as u64;
        // The parser takes a piece whenever it asks, and it has asked.
        let _ = self.slot.piece.push(piece);
        Ok(bytes)
    }
}

fn no_context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Upstream's text for what the parser says.
fn malformed(error: &Error) -> FormError {
    FormError::Malformed(match error {
        Error::IncompleteFieldData { .. } => "unexpected EOF",
        Error::IncompleteStream => "multipart: NextPart: EOF",
        _ => "malformed MIME header",
    })
}

/// The name of a part's file. An empty one is none, as upstream has it.
fn file_name(field: &Field<'_>) -> Option<String> {
    if let Some(name) = field.file_name() {
        return (!name.is_empty()).then(|| name.to_owned());
    }
    let disposition = field.headers().get("content-disposition")?.as_bytes();
    let named = disposition.windows(b"filename".len()).any(|window| window.eq_ignore_ascii_case(b"filename"));
    named.then(String::new)
}
