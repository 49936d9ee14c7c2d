//! A connection that sends exactly the bytes it is given, and reads one response at a time. It judges nothing: an HTTP library
//! would mend what a test wants to see broken.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::request::Wire;
use super::response::Response;
use super::wait::PATIENCE;

/// What became of a connection after the last response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Nothing more came, and the server keeps the connection open.
    Open,
    /// The server closed it.
    Closed,
    /// Bytes came that nobody asked for.
    Extra(Vec<u8>),
}

/// One connection, with the bytes that were received and not yet read.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    ended: bool,
}

impl Connection {
    /// Connects. The server is expected to be up.
    pub fn open(addr: SocketAddr) -> Connection {
        Connection::of(TcpStream::connect_timeout(&addr, PATIENCE).expect("the server listens"))
    }

    /// Connects from an address of this machine.
    pub fn open_from(source: IpAddr, addr: SocketAddr) -> Connection {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::new(source, 0).into()).expect("an address of this machine");
        socket.connect_timeout(&addr.into(), PATIENCE).expect("the server listens");
        Connection::of(socket.into())
    }

    fn of(stream: TcpStream) -> Connection {
        stream.set_nodelay(true).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Connection { stream, received: Vec::new(), ended: false }
    }

    /// Sends all of it.
    #[track_caller]
    pub fn send(&mut self, what: impl Wire) {
        self.try_send(what).expect("the server takes it");
    }

    /// Sends all of it, if the server takes it.
    pub fn try_send(&mut self, what: impl Wire) -> io::Result<()> {
        self.stream.write_all(&what.wire())
    }

    /// Sends as much as the server takes. It may have closed already while its answer can still be read.
    pub fn offer(&mut self, what: impl Wire) {
        let _ = self.try_send(what);
    }

    /// A second handle to the socket, for a thread that only sends.
    pub fn sender(&self) -> TcpStream {
        self.stream.try_clone().expect("a second handle")
    }

    /// Says that nothing more will be sent.
    pub fn end_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("a socket");
    }

    /// Breaks the connection off, so that the server's side is reset.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }

    /// Closes both directions, so that a server that waits for more sees the end.
    pub fn close(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Sends a request and reads its response.
    #[track_caller]
    pub fn exchange(&mut self, request: impl Wire) -> Response {
        self.send(request);
        self.read()
    }

    /// Reads a response.
    #[track_caller]
    pub fn read(&mut self) -> Response {
        self.try_read().expect("an answer")
    }

    /// Reads a response, or tells how the connection ended. An interim response counts as one; others must have a length.
    pub fn try_read(&mut self) -> io::Result<Response> {
        let end = Instant::now() + PATIENCE;
        let mut response = self.try_read_head(end)?;
        if response.status != 100 {
            let length = response.header("content-length").and_then(|text| text.parse().ok());
            let length = length.ok_or_else(|| Error::new(ErrorKind::InvalidData, response.text()))?;
            response.body = self.take(length, end)?;
        }
        Ok(response)
    }

    /// Reads the response to a HEAD request: no body follows, whatever its length says.
    #[track_caller]
    pub fn read_head(&mut self) -> Response {
        self.try_read_head(Instant::now() + PATIENCE).expect("an answer")
    }

    /// Reads the final response to a request of `method`, whatever frames its body, and keeps the interim statuses before it. None: the
    /// connection ended, or stayed silent for `wait`.
    pub fn read_final(&mut self, method: &str, wait: Duration) -> Option<Response> {
        let end = Instant::now() + wait;
        let mut interim = Vec::new();
        loop {
            let mut response = match self.read_raw_head(end) {
                Ok(head) => {
                    let latin1 = head.iter().map(|&byte| char::from(byte)).collect();
                    Response::without_body(latin1).unwrap_or_else(|error| panic!("no response: {error:?}"))
                }
                Err(_) => return None,
            };
            if (100..200).contains(&response.status) {
                interim.push(response.status);
                continue;
            }
            response.body = self.read_body(method, &response, end)?;
            response.interim = interim;
            return Some(response);
        }
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
        self.take(length.parse().expect("Content-Length is a number"), end).ok()
    }

    /// What has come within `wait`, left in place for the next read.
    pub fn peek(&mut self, wait: Duration) -> Vec<u8> {
        let end = Instant::now() + wait;
        while self.received.is_empty() && self.fill(end) {}
        self.received.clone()
    }

    /// Whether the server closes within `wait`.
    pub fn after(&mut self, wait: Duration) -> After {
        self.peek(wait);
        match (self.received.is_empty(), self.ended) {
            (false, _) => After::Extra(std::mem::take(&mut self.received)),
            (true, true) => After::Closed,
            (true, false) => After::Open,
        }
    }

    /// Demands that the server ends the connection within `time`, in order and with nothing more.
    #[track_caller]
    pub fn expect_end(&mut self, time: Duration) {
        match self.next_byte(time) {
            Ok(None) => {}
            Ok(Some(byte)) => panic!("{byte:#x} came where the connection should end"),
            Err(error) => panic!("the connection should end in order: {error}"),
        }
    }

    /// Whether nothing comes, and the connection stays open, for `time`.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        matches!(self.next_byte(time), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// The next byte, left in place; none at the end.
    fn next_byte(&mut self, time: Duration) -> io::Result<Option<u8>> {
        if self.received.is_empty() {
            self.receive(Instant::now() + time)?;
        }
        Ok(self.received.first().copied())
    }

    fn try_read_head(&mut self, end: Instant) -> io::Result<Response> {
        let head = self.read_raw_head(end)?;
        Response::without_body(String::from_utf8(head).map_err(|error| Error::new(ErrorKind::InvalidData, error))?)
    }

    /// The status line and the header lines, without the empty line behind them.
    fn read_raw_head(&mut self, end: Instant) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                let mut head: Vec<u8> = self.received.drain(..at + 4).collect();
                head.truncate(at + 2);
                return Ok(head);
            }
            if !self.receive(end)? {
                return Err(self.early_end());
            }
        }
    }

    fn take(&mut self, length: usize, end: Instant) -> io::Result<Vec<u8>> {
        while self.received.len() < length {
            if !self.receive(end)? {
                return Err(self.early_end());
            }
        }
        Ok(self.received.drain(..length).collect())
    }

    fn early_end(&self) -> Error {
        let received = String::from_utf8_lossy(&self.received);
        Error::new(ErrorKind::UnexpectedEof, format!("the connection ended behind {received:?}"))
    }

    /// Receives once. False: the connection ended, in order or not, or the time was up.
    fn fill(&mut self, end: Instant) -> bool {
        match self.receive(end) {
            Ok(more) => more,
            Err(error) => {
                self.ended |= error.kind() != ErrorKind::WouldBlock;
                false
            }
        }
    }

    /// Receives once. False: the server ended the connection in order. When the time is up, the error is `WouldBlock`.
    fn receive(&mut self, end: Instant) -> io::Result<bool> {
        let mut piece = [0; 65_536];
        while !self.ended {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.stream.set_read_timeout(Some(left)).expect("a positive timeout is valid");
            match self.stream.read(&mut piece) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    self.received.extend_from_slice(&piece[..n]);
                    return Ok(true);
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
