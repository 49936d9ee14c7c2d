//! Drives the decoder as a connection does, and compares it with the reference. The fuzz target uses this file too.

use crate::http::{Body, BodyStatus, Buffer, Head, HeadStatus, Limits, Reject, Version, decode_head};

use super::reference;
use super::reference::{Bounds, End, Request};

/// Small bounds, so that short inputs meet every one of them.
pub const SMALL: Bounds =
    Bounds { head_bytes: 160, headers: 4, chunk_line_bytes: 12, trailer_bytes: 24, target_bytes: 24, body_bytes: 40 };

pub fn limits(bounds: &Bounds) -> Limits {
    Limits {
        head_bytes: bounds.head_bytes,
        headers: bounds.headers,
        chunk_line_bytes: bounds.chunk_line_bytes,
        trailer_bytes: bounds.trailer_bytes,
        target_bytes: bounds.target_bytes,
    }
}

/// Bounds as a server has them by default, with a route's limit.
pub fn usual() -> Bounds {
    let limits = Limits::default();
    Bounds {
        head_bytes: limits.head_bytes,
        headers: limits.headers,
        chunk_line_bytes: limits.chunk_line_bytes,
        trailer_bytes: limits.trailer_bytes,
        target_bytes: limits.target_bytes,
        body_bytes: 1_000_000,
    }
}

/// One connection's receiving side.
pub struct Connection {
    bounds: Bounds,
    limits: Limits,
    buf: Buffer,
    head: Head,
    body: Option<Body>,
    requests: Vec<Request>,
    refused: Option<Reject>,
}

impl Connection {
    pub fn new(bounds: &Bounds) -> Self {
        Self {
            bounds: *bounds,
            limits: limits(bounds),
            buf: Buffer::default(),
            head: Head::new(),
            body: None,
            requests: Vec::new(),
            refused: None,
        }
    }

    pub fn receive(&mut self, bytes: &[u8]) {
        if self.refused.is_some() {
            return;
        }
        self.buf.extend_from_slice(bytes);
        if let Err(reject) = self.decode() {
            self.refused = Some(reject);
        }
    }

    pub fn finish(self) -> (Vec<Request>, End) {
        let end = self.refused.map_or(End::NeedsMore, |reject| End::Refused(reject.status));
        (self.requests, end)
    }

    fn decode(&mut self) -> Result<(), Reject> {
        loop {
            let mut body = match self.body.take() {
                Some(body) => body,
                None => {
                    if decode_head(&self.buf, &self.limits, &mut self.head)? == HeadStatus::Partial {
                        return Ok(());
                    }
                    Body::new(self.head.framing(), self.head.len(), self.bounds.body_bytes, &self.limits)?
                }
            };
            if let BodyStatus::More { want } = body.advance(&mut self.buf)? {
                assert!(want > 0, "a body that is not whole wants more");
                self.body = Some(body);
                return Ok(());
            }
            let request = self.request(&body);
            self.requests.push(request);
            self.buf.remove(0..body.consumed());
        }
    }

    fn request(&self, body: &Body) -> Request {
        let (head, buf) = (&self.head, &self.buf[..]);
        Request {
            method: head.method_name(buf).to_vec(),
            target: head.target(buf).to_vec(),
            path: head.path(buf).to_vec(),
            query: head.query(buf).map(<[u8]>::to_vec),
            is_http_1_0: head.version() == Version::H10,
            keep_alive: head.keep_alive(),
            expects_continue: head.expects_continue(),
            headers: head.headers(buf).map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
            body: buf[body.range()].to_vec(),
        }
    }
}

/// What the decoder makes of the bytes when they arrive in these pieces.
pub fn decode_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, bounds: &Bounds) -> (Vec<Request>, End) {
    let mut connection = Connection::new(bounds);
    for piece in pieces {
        connection.receive(piece);
    }
    connection.finish()
}

/// Asserts that the decoder agrees with the reference, with the bytes at once and one by one.
pub fn agrees_with_reference(input: &[u8], bounds: &Bounds) -> (Vec<Request>, End) {
    let expected = reference::read_all(input, bounds);
    let shown = || input.escape_ascii().to_string();
    assert_eq!(decode_in_pieces([input], bounds), expected, "at once: {}", shown());
    assert_eq!(decode_in_pieces(input.chunks(1), bounds), expected, "byte by byte: {}", shown());
    expected
}
