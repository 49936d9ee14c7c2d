//! The limits for reading requests.

/// The most header lines that a [`Head`](super::Head) can hold.
pub const HEADERS_MAX: usize = 64;

/// The limits for reading requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head in bytes, including the empty line at its end. Values above 65,535 count as 65,535.
    pub head_bytes: usize,
    /// The most header lines. Values above [`HEADERS_MAX`] count as that.
    pub headers: usize,
    /// The longest chunk line (size and extensions) in bytes, without its CRLF.
    pub chunk_line_bytes: usize,
    /// The longest trailer section of a chunked body in bytes, including the empty line at its end.
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
