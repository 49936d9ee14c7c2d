//! HTTP/1.1 without I/O: bytes in, a request's parts and a reply's bytes out.
//!
//! # The rules
//!
//! RFC 9110 and RFC 9112 are the judge; where they leave a choice, the strict reading wins, because a lenient
//! reading is what lets two servers in a row see different requests in the same bytes. [`httparse`] splits the
//! head; everything that it leaves open is decided here.
//!
//! **The head** ([`decode_head`]):
//! - Up to two empty lines (CRLF) may stand before the request line. They count as part of the head.
//! - Every line ends in CRLF. A bare LF, a bare CR, a folded header line, a blank before the colon, NUL and other
//!   control bytes (but a tab inside a value) are 400.
//! - `HTTP/1.0` and `HTTP/1.1` are served as such, `HTTP/1.2` to `HTTP/1.9` as 1.1, any other version is 505.
//! - The target is a path (`/…`), an absolute `http` or `https` URI, or `*` with `OPTIONS`; any other form is 400, a
//!   target over `target_bytes` is 414. `CONNECT` and methods over 32 bytes are 501.
//! - A head over `head_bytes`, or with more than `headers` header lines, is 431.
//! - `Host` must be there once on 1.1 (it may be absent on 1.0), as a host with an optional port. It may be empty.
//! - `Content-Length` is digits only, at most 2^63-1, and there at most once, even when the values are the same.
//! - `Transfer-Encoding` is there at most once and is `chunked`, in any case of letters; others are 501. It is 400 on
//!   1.0, and beside a `Content-Length`.
//! - `Expect` may list `100-continue` in any case of letters; another expectation is 417. On 1.0, and where no
//!   body comes, `100-continue` is ignored.
//! - `Connection` is a list of tokens over all its lines: `close` ends the connection, `keep-alive` keeps it on 1.0.
//!
//! **The body** ([`Body`]): a length over the route's limit is 413 before a byte of it is read; a chunked body is 413
//! as soon as an announced chunk would exceed the limit. A chunk line is at most `chunk_line_bytes` (without its
//! CRLF), its size is at least one hexadecimal digit, extensions are skipped. Trailers are checked, bounded by
//! `trailer_bytes` (431) and dropped.
//!
//! **When a verdict falls** depends on the bytes alone and never on how reads split them: each rule is judged at a
//! fixed place, and a verdict once given for a prefix holds for everything that begins with it. The places are the
//! request line's end (or the byte at which it has become too long), the LF of each line (for a bare LF), and the
//! end of the head for all that concerns header lines.
//!
//! A [`Reject`] always means: answer with its status, then close. What follows it in the stream can't be trusted.
//!
//! Nothing here allocates for a request: a [`Head`] holds offsets into the caller's buffer, a [`Body`] decodes in
//! place, and a [`Reply`] is copied into a buffer of the caller's.

mod body;
mod buffer;
pub mod date;
mod framing;
mod head;
pub mod multipart;
pub mod params;
pub mod path;
pub mod query;
mod request_line;
pub mod response;
mod target;
#[cfg(test)]
mod tests;

use std::fmt;

pub use body::{Body, BodyStatus};
pub use buffer::Buffer;
pub use framing::Framing;
pub use head::{HEADERS_MAX, Head, HeadStatus, Headers, decode_head};
pub use request_line::{Method, Version};
pub use response::Reply;

/// The bounds under which requests are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head in bytes, with the empty line at its end. More than 65,535 counts as 65,535.
    pub head_bytes: usize,
    /// The most header lines. More than [`HEADERS_MAX`] counts as that.
    pub headers: usize,
    /// The longest chunk line (size and extensions) in bytes, without its CRLF.
    pub chunk_line_bytes: usize,
    /// The longest trailer section of a chunked body in bytes, with the empty line at its end.
    pub trailer_bytes: usize,
    /// The longest request target in bytes.
    pub target_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            headers: HEADERS_MAX,
            chunk_line_bytes: 256,
            trailer_bytes: 8 * 1024,
            target_bytes: 8 * 1024,
        }
    }
}

/// Why a request can't be served. Answer with it, then close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The status to answer with: 400, 413, 414, 417, 431, 501 or 505.
    pub status: u16,
    /// What is wrong, in words for the client's engineer.
    pub reason: &'static str,
}

impl Reject {
    /// A refusal with 400.
    pub(crate) const fn bad_request(reason: &'static str) -> Self {
        Self::new(400, reason)
    }

    /// A refusal with any status.
    pub(crate) const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

/// `400 Bad Request: <reason>`, as the body of the answer says it.
impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, response::reason_phrase(self.status), self.reason)
    }
}

impl std::error::Error for Reject {}
