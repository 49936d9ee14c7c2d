//! Maps the log's codes for compression to content codings, and back.

use crate::codec::inflate::Coding;
use crate::log::format::record::Encoding;

/// The log's code for a body in this coding; `None` means not compressed.
pub const fn encoding_of(coding: Option<Coding>) -> Encoding {
    match coding {
        None => Encoding::Identity,
        Some(Coding::Gzip) => Encoding::Gzip,
        Some(Coding::Deflate) => Encoding::Deflate,
        Some(Coding::Brotli) => Encoding::Br,
        Some(Coding::Zstd) => Encoding::Zstd,
    }
}

/// The coding of a payload with this code; `None` means not compressed.
pub const fn coding_of(encoding: Encoding) -> Option<Coding> {
    match encoding {
        Encoding::Identity => None,
        Encoding::Gzip => Some(Coding::Gzip),
        Encoding::Deflate => Some(Coding::Deflate),
        Encoding::Br => Some(Coding::Brotli),
        Encoding::Zstd => Some(Coding::Zstd),
    }
}

// Both functions agree for every code. A test checks that the names agree too: `replay` sends the code's name as `Content-Encoding`.
const _: () = {
    let mut at = 0;
    while at < Encoding::ALL.len() {
        assert!(encoding_of(coding_of(Encoding::ALL[at])) as u8 == Encoding::ALL[at] as u8);
        at += 1;
    }
    assert!(Encoding::ALL.len() == Coding::ALL.len() + 1);
};

#[cfg(test)]
mod tests;
