//! HTTP/1.1 without I/O: bytes go in, a request's parts and a reply's bytes come out.
//!
//! A connection calls [`decode_head`] until the head is complete, then [`Body::advance`] until the body is, and answers with a [`Reply`].
//!
//! | file | holds |
//! |---|---|
//! | `head`, `request_line`, `target`, `framing`, `method` | the head: found and checked, and its parts |
//! | `field` | fields that nearly every request has looked up |
//! | `last_head` | what the last head of a connection tells about the next one |
//! | `body` | the body, decoded in place |
//! | `buffer` | the bytes that a connection has received |
//! | [`response`], [`date`] | replies |
//! | `reject`, `limits` | why a request is refused, and the limits |
//! | [`path`], [`query`] | percent-decoding, clean paths, query strings |
//! | [`multipart`], [`params`] | forms, and header values with parameters |
//! | `bytes` | which bytes are allowed where |
//!
//! # The rules
//!
//! RFC 9110 and RFC 9112 apply. Where they leave a choice, the strict interpretation is used: with lenient ones, two servers in a row can see
//! different requests in the same bytes. [`httparse`] splits the head; everything else is decided here.
//!
//! **The head** ([`decode_head`]):
//! - Up to two empty lines (CRLF) are allowed before the request line. They count as part of the head.
//! - Every line ends in CRLF. A bare LF, a bare CR, a folded header line, a blank before the colon, NUL and other control bytes (except a tab
//!   inside a value) are 400.
//! - `HTTP/1.0` and `HTTP/1.1` are served as such, `HTTP/1.2` to `HTTP/1.9` as 1.1, any other version is 505.
//! - The target is a path (`/…`), an absolute `http` or `https` URI, or `*` with `OPTIONS`; any other form is 400, a target over `target_bytes`
//!   is 414. `CONNECT` and methods over 32 bytes are 501.
//! - A head over `head_bytes`, or with more than `headers` header lines, is 431.
//! - `Host` must occur exactly once on 1.1 (on 1.0 it may be missing), as a host with an optional port. It may be empty.
//! - `Content-Length` is digits only, at most 2^63-1, and occurs at most once, even if the values are the same.
//! - `Transfer-Encoding` occurs at most once and is `chunked`, ignoring case; others are 501. It is 400 on 1.0, and together with a
//!   `Content-Length`.
//! - `Expect` may list `100-continue`, ignoring case; any other expectation is 417. On 1.0, and without a body, `100-continue` is ignored.
//! - `Connection` is a list of tokens over all its lines: `close` closes the connection, `keep-alive` keeps it open on 1.0.
//!
//! **The body** ([`Body`]): a length over the route's limit is 413 before a byte of it is read; a chunked body is 413
//! as soon as an announced chunk would exceed the limit. A chunk line is at most `chunk_line_bytes` (without its
//! CRLF), its size is at least one hexadecimal digit, extensions are skipped. Trailers are checked, bounded by
//! `trailer_bytes` (431) and dropped.
//!
//! **When a request is refused** depends only on its bytes, never on how reads split them. Each rule is checked at a fixed place, and a refusal
//! of a prefix holds for everything that begins with it. The places are the end of the request line (or the byte at which it becomes too long),
//! the LF of each line (for a bare LF), and the end of the head for everything about header lines.
//!
//! A [`Reject`] always means: answer with its status, then close the connection. What follows in the stream cannot be trusted.
//!
//! Nothing here allocates for a request: a [`Head`] holds offsets into the caller's buffer and, from its first use on, the bytes of the last head, a [`Body`] decodes in place, and a [`Reply`] is
//! written into the caller's buffer.

mod body;
mod buffer;
mod bytes;
pub mod date;
mod field;
mod framing;
mod head;
mod last_head;
mod limits;
mod method;
pub mod multipart;
pub mod params;
pub mod path;
pub mod query;
mod reject;
mod request_line;
pub mod response;
mod target;
#[cfg(test)]
mod tests;

pub use body::{Body, BodyStatus};
pub use buffer::Buffer;
pub use field::Field;
pub use framing::Framing;
pub use head::{Head, HeadStatus, Headers, decode_head};
pub use last_head::LAST_HEAD_BYTES_MAX;
pub use limits::{HEADERS_MAX, Limits};
pub use method::{Method, Version};
pub use reject::Reject;
pub use response::Reply;
