//! `zstd`.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::decoder::{DecodeFault, DecodeProgress, TAKEN_BYTES_MAX};

/// The largest window, as a power of two: 8 MiB, the limit that RFC 9659 sets for HTTP.
const WINDOW_LOG_MAX: u32 = 23;

/// A decoder that has grown beyond this is freed after its body.
const KEPT_BYTES: usize = 512 * 1024;

/// The decoder.
#[derive(Default)]
pub(super) struct Zstd {
    state: Option<DCtx<'static>>,
    fresh: bool,
}

impl Zstd {
    pub(super) fn begin(&mut self) {
        self.fresh = true;
    }

    /// Frees the memory if it is more than a small window needs.
    pub(super) fn end(&mut self) {
        if self.state.as_ref().is_some_and(|state| state.sizeof() > KEPT_BYTES) {
            self.state = None;
        }
    }

    pub(super) fn step(&mut self, rest: &[u8], piece: &mut [u8]) -> Result<DecodeProgress, DecodeFault> {
        if self.state.is_none() {
            let mut state = DCtx::try_create().ok_or(DecodeFault::Corrupt)?;
            state.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(|_| DecodeFault::Corrupt)?;
            self.state = Some(state);
        }
        let Some(state) = &mut self.state else { return Err(DecodeFault::Corrupt) };
        if std::mem::take(&mut self.fresh) {
            state.reset(ResetDirective::SessionOnly).map_err(|_| DecodeFault::Corrupt)?;
            if rest.is_empty() {
                return Err(DecodeFault::Truncated);
            }
        }
        let mut input = InBuffer::around(&rest[..rest.len().min(TAKEN_BYTES_MAX)]);
        let mut output = OutBuffer::around(piece);
        // 0: a frame has ended and has been written completely.
        let wanted = state.decompress_stream(&mut output, &mut input).map_err(|_| DecodeFault::Corrupt)?;
        let (taken, made) = (input.pos(), output.pos());
        let done = wanted == 0 && taken == rest.len();
        if !done && taken == 0 && made == 0 {
            return Err(DecodeFault::Truncated);
        }
        Ok(DecodeProgress { taken, made, done })
    }
}
