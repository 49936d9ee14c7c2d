//! Whether a body inflates, for routes that store it as received.

use crate::session::gunzip::{BodyError, Gunzip};

/// A buffer that has grown beyond this is given back.
const KEPT_BYTES: usize = 128 * 1024;

/// What it takes to inflate bodies, reused.
#[derive(Default)]
pub struct Inflater {
    gunzip: Gunzip,
    inflated: Vec<u8>,
}

impl Inflater {
    /// Looks whether `body` is gzip that inflates to at most `limit` bytes.
    pub fn check(&mut self, body: &[u8], limit: usize) -> Result<(), BodyError> {
        let checked = self.gunzip.inflate(body, limit, &mut self.inflated);
        if self.inflated.capacity() > KEPT_BYTES {
            self.inflated = Vec::new();
        }
        checked
    }
}
