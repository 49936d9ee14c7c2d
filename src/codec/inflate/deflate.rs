//! `deflate`, with or without zlib's wrapper.

use flate2::{Decompress, FlushDecompress, Status};

use super::decoder::{DecodeFault, DecodeProgress, TAKEN_BYTES_MAX};

/// The decoder.
#[derive(Default)]
pub(super) struct Deflate {
    state: Option<Decompress>,
    fresh: bool,
}

impl Deflate {
    pub(super) fn begin(&mut self) {
        self.fresh = true;
    }

    pub(super) fn step(&mut self, rest: &[u8], piece: &mut [u8]) -> Result<DecodeProgress, DecodeFault> {
        let state = self.state.get_or_insert_with(|| Decompress::new(true));
        if std::mem::take(&mut self.fresh) {
            state.reset(is_zlib(rest));
        }
        let input = &rest[..rest.len().min(TAKEN_BYTES_MAX)];
        let (taken, made) = (state.total_in(), state.total_out());
        let status = state.decompress(input, piece, FlushDecompress::None).map_err(|_| DecodeFault::Corrupt)?;
        // Both differences are at most the length of a slice.
        let taken = (state.total_in() - taken) as usize;
        let made = (state.total_out() - made) as usize;
        let done = status == Status::StreamEnd;
        if done && taken < rest.len() {
            return Err(DecodeFault::Corrupt);
        }
        if !done && taken == 0 && made == 0 {
            return Err(DecodeFault::Truncated);
        }
        Ok(DecodeProgress { taken, made, done })
    }
}

/// Whether it begins with a zlib header: method 8, and the two bytes a multiple of 31 (RFC 1950). Bare deflate can only begin like that with
/// a stored block of 30 KB or more, which would fail that block's own length check.
fn is_zlib(bytes: &[u8]) -> bool {
    match *bytes {
        [method, flags, ..] => method & 15 == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31),
        _ => false,
    }
}
