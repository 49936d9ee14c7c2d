//! Replies, written into the caller's buffer.

use super::Version;

/// Tells a waiting client to send its body ([`Head::expects_continue`](super::Head::expects_continue)).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A complete reply. The status line says HTTP/1.1 to 1.0 clients too (RFC 9110, 2.5).
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The status, 200 or above.
    pub status: u16,
    /// The request's version.
    pub version: Version,
    /// Whether the connection stays open. If not, `Connection: close` is sent; if so, a 1.0 client is sent `Connection: keep-alive`.
    pub keep_alive: bool,
    /// The value of `Date`, see [`HttpDate`](super::date::HttpDate).
    pub date: &'a [u8; 29],
    /// Prepared header lines, each with its CRLF, which are copied unchanged.
    pub lines: &'a [u8],
    /// More headers. Control bytes in a value are replaced with `?`, so that a value cannot add a line.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body. Its length is announced, except with 204 and 304, which have none.
    pub body: &'a [u8],
    /// The request was a HEAD: the body's length is announced, but no body is sent.
    pub head_only: bool,
}

impl Reply<'_> {
    /// Appends the reply to `out`. Allocates at most once, and only if `out` must grow.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.reserve(self.len_max());
        match self.status {
            200 => out.extend_from_slice(b"HTTP/1.1 200 OK\r\nDate: "),
            status => {
                out.extend_from_slice(b"HTTP/1.1 ");
                push_decimal(out, u64::from(status));
                out.push(b' ');
                out.extend_from_slice(reason_phrase(status).as_bytes());
                out.extend_from_slice(b"\r\nDate: ");
            }
        }
        out.extend_from_slice(self.date);
        out.extend_from_slice(b"\r\n");
        match (self.version, self.keep_alive) {
            (Version::H11, true) => {}
            (Version::H10, true) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            (_, false) => out.extend_from_slice(b"Connection: close\r\n"),
        }
        out.extend_from_slice(self.lines);
        for (name, value) in self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            push_value(out, value);
            out.extend_from_slice(b"\r\n");
        }
        if matches!(self.status, 204 | 304) {
            out.extend_from_slice(b"\r\n");
            return;
        }
        out.extend_from_slice(b"Content-Length: ");
        push_decimal(out, self.body.len() as u64);
        out.extend_from_slice(b"\r\n\r\n");
        if !self.head_only {
            out.extend_from_slice(self.body);
        }
    }

    /// An upper bound for the reply's length, so that the buffer grows at most once.
    fn len_max(&self) -> usize {
        const FIXED_BYTES_MAX: usize = 192;
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        FIXED_BYTES_MAX + self.lines.len() + headers + self.body.len()
    }
}

/// The reason phrase of a status (RFC 9110, 15); `Unknown` for a status that this server never sends.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "Unknown",
    }
}

fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(value);
    for byte in &mut out[start..] {
        if byte.is_ascii_control() && *byte != b'\t' {
            *byte = b'?';
        }
    }
}
