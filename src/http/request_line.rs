//! The request line: method, target, version, and the limits that are checked before it has ended.

use super::target::Target;
use super::{Limits, Method, Reject, Version};

/// The longest method in bytes. Registered methods are much shorter.
const METHOD_BYTES_MAX: usize = 32;

/// The longest text between the blank after the target and the LF: `HTTP/1.1` and CR.
const VERSION_BYTES_MAX: usize = 9;

/// A valid request line.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLine<'a> {
    pub(super) method: Method,
    pub(super) method_len: usize,
    pub(super) target: Target<'a>,
    pub(super) target_len: usize,
    pub(super) version: Version,
}

impl<'a> RequestLine<'a> {
    /// Checks the parts of a line. `ends_in_crlf` is false for a line that ends in a bare LF.
    pub(super) fn judge(
        method: &str,
        target: &'a str,
        version: Version,
        ends_in_crlf: bool,
        limits: &Limits,
    ) -> Result<Self, Reject> {
        if method.len() > METHOD_BYTES_MAX {
            return Err(LONG_METHOD);
        }
        if target.len() > limits.target_bytes {
            return Err(LONG_TARGET);
        }
        if !ends_in_crlf {
            return Err(BARE_LF);
        }
        if method == "CONNECT" {
            return Err(Reject::new(501, "CONNECT is not supported"));
        }
        let kind = Method::from_token(method);
        Ok(Self {
            method: kind,
            method_len: method.len(),
            target: Target::split(target.as_bytes(), kind)?,
            target_len: target.len(),
            version,
        })
    }

    /// Parses and checks a complete line, including its LF.
    pub(super) fn decode(line: &'a [u8], limits: &Limits) -> Result<Self, Reject> {
        check_lengths(line, limits)?;
        if !line.ends_with(b"\r\n") {
            return Err(BARE_LF);
        }
        let mut request = httparse::Request::new(&mut []);
        let version = match request.parse(line) {
            // The line is complete, so the parser is only waiting for headers.
            Ok(_) => None,
            Err(httparse::Error::Version) => Some(()),
            Err(_) => return Err(MALFORMED),
        };
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(MALFORMED);
        };
        let version = match (version, request.version) {
            (None, Some(0)) => Version::H10,
            (None, Some(1)) => Version::H11,
            _ => other_version(&line[method.len() + 1 + target.len() + 1..])?,
        };
        Self::judge(method, target, version, true, limits)
    }
}

/// A version other than 1.0 and 1.1; `rest` is what follows the blank after the target.
fn other_version(rest: &[u8]) -> Result<Version, Reject> {
    match rest {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9', b'\r', b'\n'] => Ok(Version::H11),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9', b'\r', b'\n'] => {
            Err(Reject::new(505, "only HTTP/1.0 and HTTP/1.1 are served"))
        }
        _ => Err(MALFORMED),
    }
}

/// Refuses a line, complete or not, as soon as a part of it is too long. The limits bound the work, whatever the line's length, so it may be
/// repeated after each read.
pub(super) fn check_lengths(line: &[u8], limits: &Limits) -> Result<(), Reject> {
    let Some(method_len) = part_len(line, METHOD_BYTES_MAX) else {
        return Err(LONG_METHOD);
    };
    if line.get(method_len) != Some(&b' ') {
        return Ok(());
    }
    let rest = &line[method_len + 1..];
    if rest.len() <= limits.target_bytes {
        return Ok(());
    }
    let Some(target_len) = part_len(rest, limits.target_bytes) else {
        return Err(LONG_TARGET);
    };
    let version = rest[target_len..].strip_prefix(b" ").unwrap_or_default();
    if version.len() > VERSION_BYTES_MAX && !version[..=VERSION_BYTES_MAX].contains(&b'\n') {
        return Err(MALFORMED);
    }
    Ok(())
}

/// The number of bytes before the first blank or LF, or of all bytes; `None` if there are more than `max`.
fn part_len(bytes: &[u8], max: usize) -> Option<usize> {
    let looked_at = &bytes[..bytes.len().min(max + 1)];
    let len = looked_at.iter().position(|&b| b == b' ' || b == b'\n').unwrap_or(looked_at.len());
    (len <= max).then_some(len)
}

pub(super) const BARE_LF: Reject = Reject::bad_request("a line of the head ends in LF without CR");
const LONG_METHOD: Reject = Reject::new(501, "the method is too long");
const LONG_TARGET: Reject = Reject::new(414, "the request target is too long");
const MALFORMED: Reject = Reject::bad_request("malformed request line");
