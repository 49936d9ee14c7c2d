//! How a start request's body is compressed.

use crate::codec::inflate::{Coding, Label, Plain, Reading};

use super::request::StartKind;

/// Decides by the label and the first bytes; for phones by the first bytes alone, because some label bodies that they failed to compress.
pub fn reading(kind: StartKind, content_encoding: Option<&[u8]>, body: &[u8]) -> Reading {
    match kind {
        StartKind::Mobile { .. } => Reading { coding: Coding::begun(body), label: Label::Right },
        StartKind::Web | StartKind::Sdk => Coding::of_body(content_encoding, Plain::Json, body),
    }
}
