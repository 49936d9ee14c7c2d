//! Bounded inflation of gzip bodies.

use std::io::{ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::fault::InflateError;

/// How much is inflated at a time, in bytes: small enough for a thread's stack, large enough for speed.
const PIECE_BYTES: usize = 16 * 1024;

/// Inflates `gzip` into `out`, which is cleared first and keeps its memory for the next body.
///
/// Several members in a row are one stream, as Go's reader has it; anything else behind the last member is an error.
///
/// # Errors
///
/// `TooLarge` when more than `limit` bytes come out (`out` then holds at most `limit`), `Broken` for everything else.
pub fn inflate_bounded(gzip: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), InflateError> {
    out.clear();
    inflate_pieces(gzip, limit, |piece| {
        out.extend_from_slice(piece);
        Ok(())
    })
}

/// Hands the inflated bytes on in pieces, at most `limit` of them in all.
pub(super) fn inflate_pieces<E: From<InflateError>>(
    gzip: &[u8],
    limit: usize,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut decoder = MultiGzDecoder::new(gzip);
    let mut piece = [0; PIECE_BYTES];
    let mut left = limit;
    loop {
        let got = match decoder.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(got) => got,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(InflateError::Broken(error).into()),
        };
        if got > left {
            return Err(InflateError::TooLarge { limit }.into());
        }
        left -= got;
        take(&piece[..got])?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_in_a_row_are_one_stream() {
        let mut bytes = gzip(b"abc");
        bytes.extend(gzip(b""));
        bytes.extend(gzip(b"def"));
        let mut out = vec![1, 2, 3];
        inflate_bounded(&bytes, 6, &mut out).unwrap();
        assert_eq!(out, b"abcdef");
    }

    #[test]
    fn what_stands_behind_the_last_member_is_refused() {
        for tail in [&b"\0"[..], b"\0\0\0\0\0\0\0\0\0\0\0\0", b"garbage behind"] {
            let mut bytes = gzip(b"abc");
            bytes.extend_from_slice(tail);
            let error = inflate_bounded(&bytes, 100, &mut Vec::new()).unwrap_err();
            assert!(matches!(error, InflateError::Broken(_)), "{tail:?}: {error}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bytes = gzip(&vec![0; 4 << 20]);
        let mut out = Vec::new();
        let error = inflate_bounded(&bytes, 100_000, &mut out).unwrap_err();
        assert!(matches!(error, InflateError::TooLarge { limit: 100_000 }), "{error}");
        assert!(out.len() <= 100_000);
        inflate_bounded(&bytes, 4 << 20, &mut out).unwrap();
        assert_eq!(out.len(), 4 << 20);
    }

    #[test]
    fn every_truncation_and_flip_is_noticed() {
        let whole = gzip(b"a body that is long enough to have several bytes inside");
        let mut out = Vec::new();
        for length in 0..whole.len() {
            // An empty body is an empty stream to the decoder only where there is no header at all.
            let result = inflate_bounded(&whole[..length], 1000, &mut out);
            assert!(result.is_err(), "cut at {length}");
        }
        for at in whole.len() - 8..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 1;
            assert!(inflate_bounded(&broken, 1000, &mut out).is_err(), "flipped at {at}");
        }
    }
}
