//! The log's codes for compression, and the codecs that read it.

use crate::codec::inflate::Coding;
use crate::log::format::record::Encoding;

/// The code under which the log keeps a body in this coding; `None` is a body that is not compressed.
pub const fn encoding_of(coding: Option<Coding>) -> Encoding {
    match coding {
        None => Encoding::Identity,
        Some(Coding::Gzip) => Encoding::Gzip,
        Some(Coding::Deflate) => Encoding::Deflate,
        Some(Coding::Brotli) => Encoding::Br,
        Some(Coding::Zstd) => Encoding::Zstd,
    }
}

/// The coding that a payload with this code is inflated by; `None` where it is not compressed.
pub const fn coding_of(encoding: Encoding) -> Option<Coding> {
    match encoding {
        Encoding::Identity => None,
        Encoding::Gzip => Some(Coding::Gzip),
        Encoding::Deflate => Some(Coding::Deflate),
        Encoding::Br => Some(Coding::Brotli),
        Encoding::Zstd => Some(Coding::Zstd),
    }
}

// Both ways agree, for every code. That the names agree too (`replay` sends the code's name as `Content-Encoding`) is tested below.
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
