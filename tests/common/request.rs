//! Requests, built from parts. A test may ask for what no client should send.

use std::borrow::Cow;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// The user agent of a browser that every server here knows.
pub const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36";

/// What can be sent: bytes as they are, or a request.
pub trait Wire {
    /// The bytes.
    fn wire(&self) -> Cow<'_, [u8]>;
}

impl<T: AsRef<[u8]>> Wire for T {
    fn wire(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.as_ref())
    }
}

impl Wire for Request {
    fn wire(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.bytes())
    }
}

impl Wire for &Request {
    fn wire(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.bytes())
    }
}

/// How the end of the body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// Not at all: the request has no body.
    None,
    /// By the body's own length.
    Length,
    /// By this length, whatever is sent.
    Announced(usize),
    /// By chunks of at most this size, and an empty one after them.
    Chunks(usize),
}

/// A request. By default it has a `Host` and nothing else.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    version: String,
    /// Whole lines, without their ends.
    headers: Vec<String>,
    body: Vec<u8>,
    framing: Framing,
    more: Vec<u8>,
}

impl Request {
    /// A request of any method, without a body.
    pub fn new(method: &str, target: &str) -> Request {
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            version: "1.1".to_owned(),
            headers: vec!["Host: test".to_owned()],
            body: Vec::new(),
            framing: Framing::None,
            more: Vec::new(),
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Request {
        Request::new("GET", target)
    }

    /// A PUT with this body.
    pub fn put(target: &str, body: impl AsRef<[u8]>) -> Request {
        Request::new("PUT", target).body(body)
    }

    /// A POST whose body is empty until it is given one.
    pub fn post(target: &str) -> Request {
        Request::new("POST", target).body(b"")
    }

    /// An OPTIONS, such as a preflight.
    pub fn options(target: &str) -> Request {
        Request::new("OPTIONS", target)
    }

    /// A batch of a web tracker.
    pub fn batch(token: &str, body: impl AsRef<[u8]>) -> Request {
        Request::post("/v1/web/i?batch=1_1").token(token).body(body)
    }

    /// The head of a batch whose body, of this many bytes, is sent later.
    pub fn batch_head(token: &str, bytes: usize) -> Request {
        Request::batch(token, b"").length(bytes)
    }

    /// A start of a session of the web project with this key.
    pub fn start(key: &str) -> Request {
        Request::start_of("19.0.1", key)
    }

    /// A start as a tracker of this version sends it.
    pub fn start_of(version: &str, key: &str) -> Request {
        let body = json!({ "projectKey": key, "trackerVersion": version, "timestamp": 1, "userUUID": null });
        Request::post("/v1/web/start").header("User-Agent", BROWSER).json(&body)
    }

    /// With another method.
    pub fn method(mut self, method: &str) -> Request {
        method.clone_into(&mut self.method);
        self
    }

    /// With another target: a path and a query.
    pub fn target(mut self, target: &str) -> Request {
        target.clone_into(&mut self.target);
        self
    }

    /// With a prefix before the path.
    pub fn under(mut self, prefix: &str) -> Request {
        self.target.insert_str(0, prefix);
        self
    }

    /// With another version of HTTP, such as "1.0".
    pub fn version(mut self, version: &str) -> Request {
        version.clone_into(&mut self.version);
        self
    }

    /// With one more header, after the others.
    pub fn header(self, name: &str, value: &str) -> Request {
        self.headers([&*format!("{name}: {value}")])
    }

    /// With more headers, each a whole line as it is.
    pub fn headers<'a>(mut self, lines: impl IntoIterator<Item = &'a str>) -> Request {
        self.headers.extend(lines.into_iter().map(str::to_owned));
        self
    }

    /// With another value for the headers of this name, in their place.
    pub fn set(mut self, name: &str, value: &str) -> Request {
        let named = self.headers.iter_mut().filter(|line| is_named(line, name));
        named.for_each(|line| *line = format!("{}: {value}", line.split(':').next().unwrap_or(name)));
        self
    }

    /// Without the headers of this name.
    pub fn without(mut self, name: &str) -> Request {
        self.headers.retain(|line| !is_named(line, name));
        self
    }

    /// With a session's token, if there is one.
    pub fn maybe_token(self, token: Option<&str>) -> Request {
        token.into_iter().fold(self, Request::token)
    }

    /// With a session's token.
    pub fn token(self, token: &str) -> Request {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// With this body and its length.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Request {
        self.body = body.as_ref().to_vec();
        self.framing = Framing::Length;
        self
    }

    /// With a body of JSON.
    pub fn json(self, body: &Value) -> Request {
        self.body(body.to_string())
    }

    /// With another value, or one more, for a field of its body of JSON.
    pub fn field(self, name: &str, value: impl Into<Value>) -> Request {
        let mut body: Value = serde_json::from_slice(&self.body).expect("the body is JSON");
        body[name] = value.into();
        self.json(&body)
    }

    /// With its body packed, and a header that says so.
    pub fn gzip(self) -> Request {
        let packed = gzip(&self.body);
        self.header("Content-Encoding", "gzip").body(packed)
    }

    /// With this length in its head, whatever its body has.
    pub fn length(mut self, bytes: usize) -> Request {
        self.framing = Framing::Announced(bytes);
        self
    }

    /// With its body in one chunk. Without a body only the head is made, for chunks that the test sends itself.
    pub fn chunked(self) -> Request {
        self.in_chunks(usize::MAX)
    }

    /// With its body in chunks of at most this size.
    pub fn in_chunks(mut self, bytes: usize) -> Request {
        self.framing = Framing::Chunks(bytes);
        self
    }

    /// With these bytes after it, as they are.
    pub fn then(mut self, bytes: impl AsRef<[u8]>) -> Request {
        self.more.extend_from_slice(bytes.as_ref());
        self
    }

    /// Without any framing of its body.
    pub fn unframed(mut self) -> Request {
        self.framing = Framing::None;
        self
    }

    /// Its body, as it is sent but for its framing.
    pub fn sent_body(&self) -> &[u8] {
        &self.body
    }

    /// The head, with the empty line at its end.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/{}\r\n", self.method, self.target, self.version);
        for line in &self.headers {
            head.push_str(&format!("{line}\r\n"));
        }
        match self.framing {
            Framing::None => {}
            Framing::Length => head.push_str(&format!("Content-Length: {}\r\n", self.body.len())),
            Framing::Announced(bytes) => head.push_str(&format!("Content-Length: {bytes}\r\n")),
            Framing::Chunks(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        match self.framing {
            Framing::Chunks(size) if !self.body.is_empty() => {
                bytes.extend(self.body.chunks(size).flat_map(chunk));
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
            _ => bytes.extend_from_slice(&self.body),
        }
        bytes.extend_from_slice(&self.more);
        bytes
    }
}

fn is_named(line: &str, name: &str) -> bool {
    line.split(':').next().is_some_and(|key| key.eq_ignore_ascii_case(name))
}

/// One chunk of a body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Packs bytes.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes bytes")
}
