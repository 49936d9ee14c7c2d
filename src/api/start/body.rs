//! The body of a request for a session, inflated within its limits.

use crate::api::mobile_batch::GZIP_MAGIC;
use crate::session::gunzip::{BodyError, Gunzip, GunzipError};
use crate::telemetry::Refusal as Reason;

use super::{Halt, StartInput, StartSettings, refuse};

/// How it is told that a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    /// By its label: `Content-Encoding: gzip`, exactly. Anything else means bytes as they are.
    Labelled,
    /// By how it begins: there are clients that label what they failed to compress.
    Seen,
}

/// The body as its client wrote it. `inflated` is the buffer for a compressed one.
pub fn plain<'b>(
    input: &StartInput<'b>,
    packed: Packed,
    settings: &StartSettings,
    gunzip: &mut Gunzip,
    inflated: &'b mut Vec<u8>,
) -> Result<&'b [u8], Halt> {
    let packed = match packed {
        Packed::Labelled => input.content_encoding.map(<[u8]>::trim_ascii) == Some(b"gzip"),
        Packed::Seen => input.body.starts_with(GZIP_MAGIC),
    };
    let too_large = input.body.len() as u64 > settings.json_size_limit;
    if packed {
        let limit = usize::try_from(settings.json_inflated_limit).unwrap_or(usize::MAX);
        let result = if too_large {
            Err(BodyError::Read(GunzipError::TooLarge))
        } else {
            gunzip.inflate(input.body, limit, inflated)
        };
        result.map_err(|error| {
            let reason = match error {
                BodyError::Read(GunzipError::TooLarge) => Reason::BodyTooLarge,
                _ => Reason::Compression,
            };
            refuse(413, reason, error.to_string())
        })?;
        Ok(inflated)
    } else if too_large {
        Err(refuse(413, Reason::BodyTooLarge, GunzipError::TooLarge.to_string()))
    } else {
        Ok(input.body)
    }
}
