//! What coding a body is in: its label, `Content-Encoding`, beside its first bytes.
//!
//! A proxy that inflates a body and leaves its label, or drops the label and leaves the body packed, makes every body of a client
//! unreadable; the client never learns of it. `gzip` and `zstd` begin in a way of their own, and so do the bodies that we take, so both are seen.
//! A coding without such a beginning (`deflate`, `br`) is in doubt where a body begins as if it were plain: who can, looks further.
//!
//! | label | begins as | read as |
//! |---|---|---|
//! | none | `gzip`, `zstd` | that coding: the label was dropped |
//! | `gzip`, `zstd` | the other of them | that other one |
//! | `gzip`, `zstd` | plain | plain: the label was left |
//! | `deflate`, `br` | plain | as labelled, and in doubt |
//! | no name that is known | anything | plain, as OpenReplay reads it |
//! | everything else | | as labelled |

use super::Coding;

/// How each coding with a beginning of its own begins. No body of ours does: its first byte says so.
const BEGINNINGS: [(&[u8], Coding); 2] = [(&[0x1f, 0x8b], Coding::Gzip), (&[0x28, 0xb5, 0x2f, 0xfd], Coding::Zstd)];

/// What a body is that is not compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// JSON: an object or a list.
    Json,
    /// A batch: it begins with message 80, 81 or 107.
    Batch,
}

impl Plain {
    fn is_begun_by(self, body: &[u8]) -> bool {
        match self {
            Self::Json => matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')),
            Self::Batch => matches!(body.first(), Some(80 | 81 | 107)),
        }
    }
}

/// How a body's label and the body go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Nothing speaks against it.
    Right,
    /// The body is not in the coding that is named.
    Wrong,
    /// The body is in a coding, and none is named.
    Missing,
    /// The body begins as a plain one does, and may be in its coding all the same.
    InDoubt,
}

/// What a body is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Its coding. `None`: bytes as they are.
    pub coding: Option<Coding>,
    /// What its label was worth.
    pub label: Label,
}

impl Coding {
    /// The coding of a body, by how it begins alone.
    #[inline]
    pub fn begun(body: &[u8]) -> Option<Self> {
        // One comparison for a body that is neither, which nearly all are that come here.
        if !matches!(body, [0x1f | 0x28, ..]) {
            return None;
        }
        BEGINNINGS.into_iter().find(|(beginning, _)| body.starts_with(beginning)).map(|(_, coding)| coding)
    }

    /// The coding of a body, by its label and how it begins. `plain`: what it is where it is not compressed.
    pub fn of_body(label: Option<&[u8]>, plain: Plain, body: &[u8]) -> Reading {
        let Some(name) = label else {
            let coding = Self::begun(body);
            return Reading { coding, label: if coding.is_some() { Label::Missing } else { Label::Right } };
        };
        let named = Self::of_header(Some(name));
        let has_beginning = match named {
            None => return Reading { coding: None, label: Label::Right },
            Some(Self::Gzip | Self::Zstd) => true,
            Some(Self::Deflate | Self::Brotli) => false,
        };
        let begun = if has_beginning { Self::begun(body) } else { None };
        if begun == named {
            return Reading { coding: named, label: Label::Right };
        }
        match begun {
            Some(_) => Reading { coding: begun, label: Label::Wrong },
            None if !plain.is_begun_by(body) => Reading { coding: named, label: Label::Right },
            None if has_beginning => Reading { coding: None, label: Label::Wrong },
            None => Reading { coding: named, label: Label::InDoubt },
        }
    }
}

impl Reading {
    /// The same body, once it is known that it is not in the coding that is named.
    pub fn turned_out_plain(&mut self) {
        *self = Self { coding: None, label: if self.label == Label::InDoubt { Label::Wrong } else { self.label } };
    }

    /// Whether what stands between the client and the server has changed the label or the body, and not both.
    pub fn is_mislabelled(&self) -> bool {
        matches!(self.label, Label::Wrong | Label::Missing)
    }
}

#[cfg(test)]
mod tests;
