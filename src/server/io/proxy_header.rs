//! The PROXY protocol: how a proxy that does not speak HTTP tells us the client's address
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, versions 1 and 2).
//!
//! With `proxy_protocol = "on"` each connection begins with a header, before the first request. The header is required, not detected: a
//! server that accepted it from anybody would believe anybody. Bytes in, a verdict out, no I/O; the header may arrive in any pieces, with
//! the first request right after it.

use std::net::IpAddr;

use proxy_header::{Error, ParseConfig, ProxyHeader};

/// The start of version 2.
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The start of version 1.
const V1_SIGNATURE: &[u8] = b"PROXY ";

/// The longest header of version 1, including its line end.
const V1_BYTES_MAX: usize = 107;

/// The longest header of version 2 that is accepted. What follows the addresses (TLS names and certificates) is skipped, but has to be
/// received.
const V2_BYTES_MAX: usize = 4096;

/// What the bytes so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderStatus {
    /// The beginning of a header.
    Partial,
    /// A whole header.
    Complete {
        /// Its length in bytes.
        bytes: usize,
        /// The client's address; `None` if the proxy speaks for itself (`LOCAL`, `UNKNOWN`).
        client: Option<IpAddr>,
    },
}

/// Why bytes are not a valid header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// They do not begin like a header.
    #[error("it does not begin with a PROXY header")]
    NoHeader,
    /// They begin a header that is longer than we accept.
    #[error("its PROXY header is too long")]
    TooLong,
    /// They begin like a header, and then break the rules.
    #[error("its PROXY header is malformed")]
    Malformed,
}

/// Looks for a header at the start of `buf`.
pub fn read(buf: &[u8]) -> Result<HeaderStatus, HeaderError> {
    let bytes_max = match buf {
        [] => return Ok(HeaderStatus::Partial),
        [b'P', ..] => signature(buf, V1_SIGNATURE)?.then_some(V1_BYTES_MAX),
        [b'\r', ..] => signature(buf, V2_SIGNATURE)?.then(|| v2_bytes(buf)).flatten(),
        _ => return Err(HeaderError::NoHeader),
    };
    let Some(bytes_max) = bytes_max else { return Ok(HeaderStatus::Partial) };
    if bytes_max > V2_BYTES_MAX {
        return Err(HeaderError::TooLong);
    }
    let window = &buf[..buf.len().min(bytes_max)];
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    match ProxyHeader::parse(window, config) {
        Ok((header, bytes)) => {
            let client = header.proxied_address().map(|address| address.source.ip().to_canonical());
            Ok(HeaderStatus::Complete { bytes, client })
        }
        // Everything that the header may contain has arrived.
        Err(Error::BufferTooShort) if window.len() == bytes_max => Err(HeaderError::Malformed),
        Err(Error::BufferTooShort) => Ok(HeaderStatus::Partial),
        Err(_) => Err(HeaderError::Malformed),
    }
}

/// Whether the whole signature has arrived.
fn signature(buf: &[u8], signature: &[u8]) -> Result<bool, HeaderError> {
    let got = buf.len().min(signature.len());
    if buf[..got] != signature[..got] {
        return Err(HeaderError::NoHeader);
    }
    Ok(got == signature.len())
}

/// The total length of a version 2 header, once the length field has arrived.
fn v2_bytes(buf: &[u8]) -> Option<usize> {
    let length = buf.get(14..16)?;
    Some(16 + usize::from(u16::from_be_bytes([length[0], length[1]])))
}

#[cfg(test)]
mod tests;
