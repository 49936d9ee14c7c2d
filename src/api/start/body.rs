//! The body of a request for a session, inflated within its limits.

use crate::api::body;
use crate::codec::inflate::{Coding, Inflater, Label, Plain, Reading};

use super::{Halt, StartInput, StartKind, StartSettings, refuse};

/// How the body of a start is compressed: by its label and how it begins; for phones by how it begins alone, as there are some that label what
/// they failed to compress.
pub fn reading(kind: StartKind, content_encoding: Option<&[u8]>, body: &[u8]) -> Reading {
    match kind {
        StartKind::Mobile { .. } => Reading { coding: Coding::begun(body), label: Label::Right },
        StartKind::Web | StartKind::Sdk => Coding::of_body(content_encoding, Plain::Json, body),
    }
}

/// The body as its client wrote it. `inflated` is the buffer for a compressed one.
pub fn plain<'b>(
    input: &StartInput<'b>,
    kind: StartKind,
    settings: &StartSettings,
    inflater: &mut Inflater,
    inflated: &'b mut Vec<u8>,
) -> Result<&'b [u8], Halt> {
    if let Some(plain) = input.plain {
        return Ok(plain);
    }
    let coding = reading(kind, input.content_encoding, input.body).coding;
    let (size, limit) = (settings.json_size_limit, settings.json_inflated_limit);
    body::plain(input.body, coding, size, limit, inflater, inflated)
        .map_err(|refusal| refuse(refusal.status, refusal.reason, refusal.text))
}
