//! The content codings and their names.

use std::fmt;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `gzip`.
    Gzip,
    /// `deflate`.
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
}

impl Coding {
    /// Every coding.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];

    /// The coding that a `Content-Encoding` names; if there are several lines, the first counts. `None`: plain bytes.
    pub fn of_header(value: Option<&[u8]>) -> Option<Self> {
        let name = value?.trim_ascii();
        Self::ALL.into_iter().find(|coding| coding.as_str().as_bytes() == name)
    }

    /// The coding with this name, which the log uses too. `None`: plain bytes.
    pub fn named(name: &str) -> Option<Self> {
        Self::of_header(Some(name.as_bytes()))
    }

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Whether a body labelled with this coding must be in it. OpenReplay's service does not know the other codings, and takes a body
    /// labelled with one of them as plain bytes.
    pub const fn is_binding(self) -> bool {
        matches!(self, Self::Gzip)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
