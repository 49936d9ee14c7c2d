//! The body of a request for a session, inflated within its limits.

use crate::api::body;
use crate::api::mobile_batch::GZIP_MAGIC;
use crate::session::inflate::Inflater;

use super::{Halt, StartInput, StartSettings, refuse};

/// How it is told that a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// By its label, `Content-Encoding`. A name that is not known means bytes as they are.
    Labelled,
    /// By how it begins: there are clients that label what they failed to compress.
    Seen,
}

/// The body as its client wrote it. `inflated` is the buffer for a compressed one.
pub fn plain<'b>(
    input: &StartInput<'b>,
    packed: Packed,
    settings: &StartSettings,
    inflater: &mut Inflater,
    inflated: &'b mut Vec<u8>,
) -> Result<&'b [u8], Halt> {
    if let Some(plain) = input.plain {
        return Ok(plain);
    }
    let coding = match packed {
        Packed::Labelled => input.content_encoding,
        Packed::Seen => input.body.starts_with(GZIP_MAGIC).then_some(&b"gzip"[..]),
    };
    let (size, limit) = (settings.json_size_limit, settings.json_inflated_limit);
    body::plain(input.body, coding, size, limit, inflater, inflated)
        .map_err(|refusal| refuse(refusal.status, refusal.reason, refusal.text))
}
