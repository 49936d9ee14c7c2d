//! `zstd`.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::{Fault, Moved, TAKEN_BYTES_MAX};

/// The largest window, as a power of two: the 8 MiB that RFC 9659 allows in HTTP.
const WINDOW_LOG_MAX: u32 = 23;

/// A decoder that has grown beyond this is given back.
const KEPT_BYTES: usize = 512 * 1024;

/// The decoder.
#[derive(Default)]
pub struct Zstd {
    state: Option<DCtx<'static>>,
    fresh: bool,
}

impl Zstd {
    pub fn begin(&mut self) {
        self.fresh = true;
    }

    /// Gives the memory back, where it was more than a small window.
    pub fn end(&mut self) {
        if self.state.as_ref().is_some_and(|state| state.sizeof() > KEPT_BYTES) {
            self.state = None;
        }
    }

    pub fn step(&mut self, rest: &[u8], piece: &mut [u8]) -> Result<Moved, Fault> {
        if self.state.is_none() {
            let mut state = DCtx::try_create().ok_or(Fault::Corrupt)?;
            state.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(|_| Fault::Corrupt)?;
            self.state = Some(state);
        }
        let Some(state) = &mut self.state else { return Err(Fault::Corrupt) };
        if std::mem::take(&mut self.fresh) {
            state.reset(ResetDirective::SessionOnly).map_err(|_| Fault::Corrupt)?;
            if rest.is_empty() {
                return Err(Fault::Truncated);
            }
        }
        let mut input = InBuffer::around(&rest[..rest.len().min(TAKEN_BYTES_MAX)]);
        let mut output = OutBuffer::around(piece);
        // 0: a frame is at its end, and all of it is in the output.
        let wanted = state.decompress_stream(&mut output, &mut input).map_err(|_| Fault::Corrupt)?;
        let (taken, made) = (input.pos(), output.pos());
        let done = wanted == 0 && taken == rest.len();
        if !done && taken == 0 && made == 0 {
            return Err(Fault::Truncated);
        }
        Ok(Moved { taken, made, done })
    }
}
