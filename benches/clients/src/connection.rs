//! One connection: what of its request is sent, and how far its answer has come.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

/// Room for an answer. Those to batches have no body.
const ANSWER_BYTES_MAX: usize = 4096;

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Not all of it is there.
    Partial,
    /// It is there; `good`: with status 200.
    Whole { good: bool },
}

/// A connection with at most one request under way.
pub struct Connection {
    /// Its socket.
    pub stream: TcpStream,
    /// Which of the requests is under way, and since when.
    pub request: Option<(usize, Instant)>,
    sent: usize,
    /// The beginning of an answer that comes in pieces.
    partial: Vec<u8>,
}

impl Connection {
    /// Connects from a loopback address that no other connection of this process has.
    pub fn open(number: usize, server: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
        let [_, high, middle, low] = (number as u32).to_be_bytes();
        if server.is_ipv4() && server.ip().is_loopback() {
            let source = Ipv4Addr::new(127, 1 + high, middle, low);
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        socket.connect(&server.into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(socket.into()), request: None, sent: 0, partial: Vec::new() })
    }

    /// Begins a request.
    pub fn begin(&mut self, which: usize, bytes: &[u8]) -> io::Result<()> {
        self.request = Some((which, Instant::now()));
        self.sent = 0;
        self.send(bytes)
    }

    /// Sends what is left of the request, as far as the socket takes it.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        while self.sent < bytes.len() {
            match self.stream.write(&bytes[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Receives what there is of the answer.
    pub fn receive(&mut self) -> io::Result<Answer> {
        let mut buffer = [0; ANSWER_BYTES_MAX];
        loop {
            let count = match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Answer::Partial),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let begun = !self.partial.is_empty();
            if begun {
                self.partial.extend_from_slice(&buffer[..count]);
            }
            match whole(if begun { &self.partial } else { &buffer[..count] }) {
                Some(good) => {
                    self.partial.clear();
                    return Ok(Answer::Whole { good });
                }
                None if begun => {}
                None => self.partial.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// Whether the answer has status 200, once it is there whole. With one request under way nothing follows it.
fn whole(bytes: &[u8]) -> Option<bool> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    (head + body.unwrap_or(0) <= bytes.len()).then(|| bytes.starts_with(b"HTTP/1.1 200 "))
}
