//! What handlers see of a request's head, whatever version of HTTP it came by.

use crate::http::{Framing, Head, Headers, Method};

/// The head of a request, in the buffer that it was received into.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    head: &'a Head,
    buf: &'a [u8],
}

/// How long a body is, as its head announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// So many bytes.
    Known(u64),
    /// That shows at its end.
    Unknown,
}

impl<'a> RequestHead<'a> {
    /// The decoded head whose bytes stand at the start of `buf`.
    pub fn new(head: &'a Head, buf: &'a [u8]) -> Self {
        Self { head, buf }
    }

    /// The method.
    pub fn method(self) -> Method {
        self.head.method()
    }

    /// The path, as it came.
    pub fn path(self) -> &'a [u8] {
        self.head.path(self.buf)
    }

    /// The query, without the question mark.
    pub fn query(self) -> Option<&'a [u8]> {
        self.head.query(self.buf)
    }

    /// The first value of a header. `name` is in lower case.
    pub fn header(self, name: &str) -> Option<&'a [u8]> {
        self.head.header(self.buf, name)
    }

    /// All headers, names and values.
    pub fn headers(self) -> Headers<'a> {
        self.head.headers(self.buf)
    }

    /// The announced length of the body.
    pub fn body_length(self) -> BodyLength {
        match self.head.framing() {
            Framing::None => BodyLength::None,
            Framing::Length(bytes) => BodyLength::Known(bytes),
            Framing::Chunked => BodyLength::Unknown,
        }
    }
}
