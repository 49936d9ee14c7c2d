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
mod tests {
    use super::*;

    const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 4];

    #[test]
    fn a_label_that_was_left_or_dropped_is_seen_through_by_the_first_bytes() {
        use Coding::{Brotli, Deflate, Gzip, Zstd};
        let json: &[u8] = b" {\"a\":1}";
        for (label, plain, body, coding, judged) in [
            (None, Plain::Batch, GZIP, Some(Gzip), Label::Missing),
            (None, Plain::Json, ZSTD, Some(Zstd), Label::Missing),
            (None, Plain::Batch, &[81, 1][..], None, Label::Right),
            (None, Plain::Json, json, None, Label::Right),
            (None, Plain::Batch, &[0x1f], None, Label::Right),
            (Some("gzip"), Plain::Batch, GZIP, Some(Gzip), Label::Right),
            (Some("gzip"), Plain::Batch, ZSTD, Some(Zstd), Label::Wrong),
            (Some("zstd"), Plain::Json, GZIP, Some(Gzip), Label::Wrong),
            (Some("gzip"), Plain::Json, json, None, Label::Wrong),
            (Some("gzip"), Plain::Json, b"[1]", None, Label::Wrong),
            (Some("zstd"), Plain::Batch, &[107, 2], None, Label::Wrong),
            (Some(" gzip"), Plain::Batch, &[80, 2], None, Label::Wrong),
            (Some("gzip"), Plain::Batch, &[81, 2], None, Label::Wrong),
            // Neither one nor the other: what is named has to be there.
            (Some("gzip"), Plain::Batch, b"x", Some(Gzip), Label::Right),
            (Some("gzip"), Plain::Batch, json, Some(Gzip), Label::Right),
            (Some("gzip"), Plain::Json, &[81], Some(Gzip), Label::Right),
            (Some("gzip"), Plain::Json, b"", Some(Gzip), Label::Right),
            // These begin with any byte.
            (Some("br"), Plain::Batch, &[107], Some(Brotli), Label::InDoubt),
            (Some("deflate"), Plain::Json, json, Some(Deflate), Label::InDoubt),
            (Some("br"), Plain::Batch, GZIP, Some(Brotli), Label::Right),
            // OpenReplay takes these names for none, and what comes under them for bytes.
            (Some("GZIP"), Plain::Batch, GZIP, None, Label::Right),
            (Some("gzip, br"), Plain::Json, GZIP, None, Label::Right),
            (Some("identity"), Plain::Json, json, None, Label::Right),
        ] {
            let reading = Coding::of_body(label.map(str::as_bytes), plain, body);
            assert_eq!(reading, Reading { coding, label: judged }, "{label:?} {plain:?} {body:?}");
        }
    }

    #[test]
    fn a_doubt_that_is_settled_is_a_wrong_label() {
        let mut doubt = Reading { coding: Some(Coding::Brotli), label: Label::InDoubt };
        assert!(!doubt.is_mislabelled());
        doubt.turned_out_plain();
        assert_eq!(doubt, Reading { coding: None, label: Label::Wrong });
        let mut named = Reading { coding: Some(Coding::Brotli), label: Label::Right };
        named.turned_out_plain();
        assert_eq!(named, Reading { coding: None, label: Label::Right });
    }
}
