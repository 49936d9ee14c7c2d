//! A client that sends exactly the bytes it is given and reads one response at a time. It judges
//! nothing: it exists because an HTTP library would mend what a test wants to see broken.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a write may wait for a server that has stopped reading.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// One response as it came.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Header lines in order, bytes read as Latin-1.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Interim (1xx) statuses that came before it.
    pub interim: Vec<u16>,
}

impl Response {
    /// The first header of that name, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the server announced that it closes.
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// What became of a connection after the last response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Nothing more came and the server keeps it.
    Open,
    /// The server closed it.
    Closed,
    /// Bytes came that nobody asked for.
    Extra(Vec<u8>),
}

/// One connection, with the bytes that were received and not yet taken.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    ended: bool,
}

impl Connection {
    /// Connects, or panics: the tests run against a server that is up.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts connections");
        stream.set_nodelay(true).expect("a TCP socket takes TCP_NODELAY");
        stream.set_write_timeout(Some(WRITE_PATIENCE)).expect("a positive timeout is valid");
        Self { stream, received: Vec::new(), ended: false }
    }

    /// Sends these bytes. A server may have closed already, and its answer still be readable, so
    /// a failed write is no failure of the test.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// What has come within `wait`, left in place for the next read.
    pub fn peek(&mut self, wait: Duration) -> Vec<u8> {
        let end = Instant::now() + wait;
        while self.received.is_empty() && self.fill(end) {}
        self.received.clone()
    }

    /// Reads one final response to a request of `method`. None: the connection ended or stayed
    /// silent for `wait`.
    pub fn read(&mut self, method: &str, wait: Duration) -> Option<Response> {
        let end = Instant::now() + wait;
        let mut interim = Vec::new();
        loop {
            let mut response = self.read_head(end)?;
            if (100..200).contains(&response.status) {
                interim.push(response.status);
                continue;
            }
            response.body = self.read_body(method, &response, end)?;
            response.interim = interim;
            return Some(response);
        }
    }

    /// Looks whether the server closes within `wait`.
    pub fn after(&mut self, wait: Duration) -> After {
        let end = Instant::now() + wait;
        while self.received.is_empty() && self.fill(end) {}
        match (self.received.is_empty(), self.ended) {
            (false, _) => After::Extra(std::mem::take(&mut self.received)),
            (true, true) => After::Closed,
            (true, false) => After::Open,
        }
    }

    /// Ends the client's side, so that a server that waits for more sees the end.
    pub fn close(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn read_head(&mut self, end: Instant) -> Option<Response> {
        let length = loop {
            if let Some(at) = find(&self.received, b"\r\n\r\n") {
                break at + 4;
            }
            if !self.fill(end) {
                return None;
            }
        };
        let head: Vec<u8> = self.received.drain(..length).collect();
        let text: String = head[..length - 4].iter().map(|&b| char::from(b)).collect();
        let mut lines = text.split("\r\n");
        let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
        let version = first.next().unwrap_or_default();
        assert!(version.starts_with("HTTP/1."), "no status line: {text:?}");
        let status = first.next().and_then(|s| s.parse().ok());
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header line has a colon");
            (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
        });
        Some(Response {
            status: status.expect("the status line has a number"),
            reason: first.next().unwrap_or_default().to_owned(),
            headers: headers.collect(),
            body: Vec::new(),
            interim: Vec::new(),
        })
    }

    fn read_body(&mut self, method: &str, head: &Response, end: Instant) -> Option<Vec<u8>> {
        if method == "HEAD" || head.status == 204 || head.status == 304 {
            return Some(Vec::new());
        }
        assert!(head.header("transfer-encoding").is_none(), "responses here are not chunked");
        let Some(length) = head.header("content-length") else {
            while self.fill(end) {}
            return self.ended.then(|| std::mem::take(&mut self.received));
        };
        let length: usize = length.parse().expect("Content-Length is a number");
        while self.received.len() < length {
            if !self.fill(end) {
                return None;
            }
        }
        Some(self.received.drain(..length).collect())
    }

    /// Receives once. False: the end came, or the time was up.
    fn fill(&mut self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        if self.ended || left.is_zero() {
            return false;
        }
        self.stream.set_read_timeout(Some(left)).expect("a positive timeout is valid");
        let mut piece = [0; 65_536];
        match self.stream.read(&mut piece) {
            Ok(0) => self.ended = true,
            Ok(n) => self.received.extend_from_slice(&piece[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => return true,
            Err(_) => self.ended = true,
        }
        !self.ended
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
