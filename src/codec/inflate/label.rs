//! The coding that a body is really in, found by comparing its label (`Content-Encoding`) with its first bytes.
//!
//! A proxy that inflates a body but leaves its label, or drops the label but leaves the body compressed, makes every body of a client
//! unreadable, and the client never learns of it. `gzip` and `zstd` have magic numbers, and plain bodies of our clients begin with known
//! bytes, so both cases are recognised. A label without a magic number (`deflate`, `br`) is in doubt if the body begins like a plain one; a
//! caller may inflate the body to find out.
//!
//! | label | the body begins like | read as |
//! |---|---|---|
//! | none | `gzip`, `zstd` | that coding: the label was dropped |
//! | `gzip`, `zstd` | the other of them | that other one |
//! | `gzip`, `zstd` | plain | plain: the label was left behind |
//! | `deflate`, `br` | plain | as labelled, and in doubt |
//! | an unknown name | anything | plain, as OpenReplay reads it |
//! | anything else | | as labelled |

use super::coding::Coding;

/// The codings with a magic number. No plain body begins with the first byte of one.
const MAGIC: [(&[u8], Coding); 2] = [(&[0x1f, 0x8b], Coding::Gzip), (&[0x28, 0xb5, 0x2f, 0xfd], Coding::Zstd)];

/// The possible first bytes of a batch, which are the ids of its first message.
pub const BATCH_FIRST_BYTES: [u8; 3] = [80, 81, 107];

/// The kind of a body's content once it is not compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// JSON: an object or a list.
    Json,
    /// A batch: it begins with one of [`BATCH_FIRST_BYTES`].
    Batch,
}

impl Plain {
    fn is_begun_by(self, body: &[u8]) -> bool {
        match self {
            Self::Json => matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')),
            Self::Batch => body.first().is_some_and(|first| BATCH_FIRST_BYTES.contains(first)),
        }
    }
}

/// Whether a body's label agrees with its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// They agree, as far as can be told.
    Right,
    /// The body is not in the coding that its label names.
    Wrong,
    /// The body is compressed but has no label.
    Missing,
    /// The body begins like a plain one, but may be in the coding that its label names.
    InDoubt,
}

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Its coding. `None`: plain bytes.
    pub coding: Option<Coding>,
    /// Whether its label is right.
    pub label: Label,
}

impl Coding {
    /// The coding of a body by its magic number alone.
    #[inline]
    pub fn begun(body: &[u8]) -> Option<Self> {
        // Nearly all bodies that get here have no magic number; for them this is the only comparison.
        if !matches!(body, [0x1f | 0x28, ..]) {
            return None;
        }
        MAGIC.into_iter().find(|(magic, _)| body.starts_with(magic)).map(|(_, coding)| coding)
    }

    /// The coding of a body by its label and its first bytes. `plain` is the kind of body that is expected once it is not compressed.
    #[inline]
    pub fn of_body(label: Option<&[u8]>, plain: Plain, body: &[u8]) -> Reading {
        let Some(name) = label else {
            let coding = Self::begun(body);
            return Reading { coding, label: if coding.is_some() { Label::Missing } else { Label::Right } };
        };
        let named = Self::of_header(Some(name));
        let has_magic = match named {
            None => return Reading { coding: None, label: Label::Right },
            Some(Self::Gzip | Self::Zstd) => true,
            Some(Self::Deflate | Self::Brotli) => false,
        };
        let begun = if has_magic { Self::begun(body) } else { None };
        if begun == named {
            return Reading { coding: named, label: Label::Right };
        }
        match begun {
            Some(_) => Reading { coding: begun, label: Label::Wrong },
            None if !plain.is_begun_by(body) => Reading { coding: named, label: Label::Right },
            None if has_magic => Reading { coding: None, label: Label::Wrong },
            None => Reading { coding: named, label: Label::InDoubt },
        }
    }
}

impl Reading {
    /// Corrects the reading after it turned out that the body is not in the coding that its label names.
    pub fn turned_out_plain(&mut self) {
        *self = Self { coding: None, label: if self.label == Label::InDoubt { Label::Wrong } else { self.label } };
    }

    /// Whether something between the client and the server changed the label or the body, but not both.
    pub fn is_mislabelled(&self) -> bool {
        matches!(self.label, Label::Wrong | Label::Missing)
    }
}

#[cfg(test)]
mod tests;
