//! `br`.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Fault, Moved, TAKEN_BYTES_MAX};

/// The decoder. Its state can't be used again, and its window is large: it lives for one body.
#[derive(Default)]
pub struct Brotli {
    state: Option<Box<State>>,
}

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

impl Brotli {
    pub fn begin(&mut self) {
        // The one that takes no windows beyond 16 MiB.
        let state =
            BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
        self.state = Some(Box::new(state));
    }

    pub fn step(&mut self, rest: &[u8], piece: &mut [u8]) -> Result<Moved, Fault> {
        let Some(state) = &mut self.state else { return Err(Fault::Corrupt) };
        let input = &rest[..rest.len().min(TAKEN_BYTES_MAX)];
        let (mut input_left, mut taken) = (input.len(), 0);
        let (mut piece_left, mut made, mut total) = (piece.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut taken,
            input,
            &mut piece_left,
            &mut made,
            piece,
            &mut total,
            state,
        );
        let fault = match result {
            BrotliResult::ResultSuccess if taken == rest.len() => return Ok(Moved { taken, made, done: true }),
            BrotliResult::ResultSuccess | BrotliResult::ResultFailure => Fault::Corrupt,
            BrotliResult::NeedsMoreInput if taken == rest.len() => Fault::Truncated,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput if taken > 0 || made > 0 => {
                return Ok(Moved { taken, made, done: false });
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Fault::Corrupt,
        };
        self.end();
        Err(fault)
    }

    /// Gives the memory back.
    pub fn end(&mut self) {
        self.state = None;
    }
}
