//! `br`.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::decoder::{DecodeFault, DecodeProgress, TAKEN_BYTES_MAX};

/// The decoder. Its state lives for one body: it cannot be reused, and its window is large.
#[derive(Default)]
pub(super) struct Brotli {
    state: Option<Box<State>>,
}

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

impl Brotli {
    pub(super) fn begin(&mut self) {
        // `new_strict` refuses windows beyond 16 MiB.
        let state =
            BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
        self.state = Some(Box::new(state));
    }

    pub(super) fn step(&mut self, rest: &[u8], piece: &mut [u8]) -> Result<DecodeProgress, DecodeFault> {
        let Some(state) = &mut self.state else { return Err(DecodeFault::Corrupt) };
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
            BrotliResult::ResultSuccess if taken == rest.len() => {
                return Ok(DecodeProgress { taken, made, done: true });
            }
            BrotliResult::ResultSuccess | BrotliResult::ResultFailure => DecodeFault::Corrupt,
            BrotliResult::NeedsMoreInput if taken == rest.len() => DecodeFault::Truncated,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput if taken > 0 || made > 0 => {
                return Ok(DecodeProgress { taken, made, done: false });
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => DecodeFault::Corrupt,
        };
        self.end();
        Err(fault)
    }

    /// Frees the memory.
    pub(super) fn end(&mut self) {
        self.state = None;
    }
}
