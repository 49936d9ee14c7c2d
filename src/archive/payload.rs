//! A record's payload as the archive has it: inflated, or as received with the reason.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codec::inflate::Inflater;
use crate::log::format::record::{Flags, Record};
use crate::records::coding_of;

use super::tables::batches::KeptAsReceived;

/// A payload.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Why these are the bytes as received; `None` if they are inflated, or were not compressed.
    pub kept: Option<KeptAsReceived>,
}

/// Inflates payloads. Its buffers are used again.
#[derive(Debug, Default)]
pub struct PayloadReader {
    inflater: Inflater,
    inflated: Vec<u8>,
}

impl PayloadReader {
    /// The payload of a record, of at most `limit` inflated bytes.
    pub fn read<'a>(&'a mut self, record: &Record<'a>, limit: usize) -> Payload<'a> {
        let as_received = |kept| Payload { bytes: record.payload, kept: Some(kept) };
        if record.flags.contains(Flags::UNUSABLE) {
            return as_received(KeptAsReceived::Unusable);
        }
        let bytes = match coding_of(record.encoding) {
            None => record.payload,
            Some(coding) => {
                // A body on which a decoder panics must not end the compactor, now and again after every restart.
                let inflate = || self.inflater.inflate(coding, record.payload, limit, &mut self.inflated);
                match catch_unwind(AssertUnwindSafe(inflate)) {
                    Ok(Ok(())) => &self.inflated,
                    Ok(Err(error)) if error.is_too_large() => return as_received(KeptAsReceived::TooLarge),
                    Ok(Err(_)) => return as_received(KeptAsReceived::DoesNotInflate),
                    Err(_) => {
                        self.inflater = Inflater::default();
                        return as_received(KeptAsReceived::DoesNotInflate);
                    }
                }
            }
        };
        Payload { bytes, kept: None }
    }

    /// Gives back a buffer that an unusual payload has made large.
    pub fn shrink(&mut self, bytes: usize) {
        self.inflated.clear();
        self.inflated.shrink_to(bytes);
    }
}
