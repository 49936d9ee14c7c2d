//! The header lines that frame the request: where its body ends, and whether the connection stays open.

use super::target::is_host;
use super::{Reject, Version};

/// How a request's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes, at most 2^63-1.
    Length(u64),
    /// Chunks up to one of size zero, then trailers.
    Chunked,
}

/// The header lines that frame the request: how often each occurs, and its value.
#[derive(Default)]
pub(super) struct MessageHeaders<'a> {
    hosts: u32,
    host: &'a [u8],
    lengths: u32,
    length: &'a [u8],
    length_slot: u8,
    codings: u32,
    coding: &'a [u8],
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    expects_other: bool,
}

impl<'a> MessageHeaders<'a> {
    /// Takes header line number `at` into account.
    pub(super) fn note(&mut self, at: u8, header: &httparse::Header<'a>) {
        let (name, value) = (header.name, header.value);
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                self.hosts += 1;
                self.host = value;
            }
            6 if name.eq_ignore_ascii_case("expect") => {
                for expectation in list(value) {
                    let known = expectation.eq_ignore_ascii_case(b"100-continue");
                    self.expects_continue |= known;
                    self.expects_other |= !known;
                }
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                self.lengths += 1;
                self.length = value;
                self.length_slot = at;
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                self.codings += 1;
                self.coding = value;
            }
            _ => {}
        }
    }

    /// The number of the line with the body's length.
    pub(super) fn length_slot(&self) -> Option<u8> {
        (self.lengths > 0).then_some(self.length_slot)
    }

    /// Whether there is an `Expect` line that says anything.
    pub(super) fn expects(&self) -> bool {
        self.expects_continue || self.expects_other
    }

    /// Checks `Host`.
    pub(super) fn check_host(&self, version: Version) -> Result<(), Reject> {
        match self.hosts {
            0 if version == Version::H10 => Ok(()),
            0 => Err(Reject::bad_request("the Host header is missing")),
            1 if is_host(self.host) => Ok(()),
            1 => Err(Reject::bad_request("the Host header is malformed")),
            _ => Err(Reject::bad_request("more than one Host header")),
        }
    }

    /// Checks the headers that delimit the body.
    pub(super) fn framing(&self, version: Version) -> Result<Framing, Reject> {
        match (self.lengths, self.codings) {
            (0, 0) => Ok(Framing::None),
            (1, 0) => parse_length(self.length).map(Framing::Length),
            (_, 0) => Err(Reject::bad_request("more than one Content-Length header")),
            (0, _) if version == Version::H10 => Err(Reject::bad_request("Transfer-Encoding in an HTTP/1.0 request")),
            (0, 1) if self.coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (0, _) => Err(Reject::new(501, "no transfer coding but chunked is supported")),
            _ => Err(Reject::bad_request("both Content-Length and Transfer-Encoding")),
        }
    }

    /// Checks `Expect`, and returns whether the client waits for `100 Continue`.
    pub(super) fn expects_continue(&self, version: Version, framing: Framing) -> Result<bool, Reject> {
        if self.expects_other {
            return Err(Reject::new(417, "no expectation but 100-continue is supported"));
        }
        let has_body = !matches!(framing, Framing::None | Framing::Length(0));
        Ok(self.expects_continue && has_body && version == Version::H11)
    }

    /// Whether another request may follow on the connection.
    pub(super) fn keep_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::H11 || self.keep_alive)
    }
}

/// The members of a comma-separated list, trimmed; empty ones are ignored (RFC 9110, 5.6.1.2).
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

pub(super) fn parse_length(digits: &[u8]) -> Result<u64, Reject> {
    const MALFORMED: Reject = Reject::bad_request("malformed Content-Length");
    if digits.is_empty() {
        return Err(MALFORMED);
    }
    digits
        .iter()
        .try_fold(0_i64, |length, byte| {
            let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
            length.checked_mul(10)?.checked_add(digit)
        })
        .and_then(|length| u64::try_from(length).ok())
        .ok_or(MALFORMED)
}
