//! What handlers see of a request's head, whatever the HTTP version.

use crate::http::{Field, Framing, Head, Headers, Method};

/// The head of a request, in the buffer that it was received into.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    head: &'a Head,
    buf: &'a [u8],
}

/// The length of a body, as its head announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body.
    None,
    /// This many bytes.
    Known(u64),
    /// It is known only at the end.
    Unknown,
}

impl<'a> RequestHead<'a> {
    /// The decoded head whose bytes are at the start of `buf`.
    pub fn new(head: &'a Head, buf: &'a [u8]) -> Self {
        Self { head, buf }
    }

    /// The method.
    pub fn method(self) -> Method {
        self.head.method()
    }

    /// The path, as received.
    #[inline]
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

    /// The same for a field that nearly every request has looked up.
    #[inline]
    pub fn field(self, field: Field) -> Option<&'a [u8]> {
        self.head.field(self.buf, field)
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
