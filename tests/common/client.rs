//! A client that sends exactly the bytes it is given, and reads one answer at a time.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::PATIENCE;

/// The user agent of a browser that every server here knows.
pub const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36";

/// A start of a session of the project with this key.
pub fn start_request(key: &str) -> String {
    start_request_of("19.0.1", key)
}

/// A start as a tracker of this version sends it.
pub fn start_request_of(version: &str, key: &str) -> String {
    let body = format!(r#"{{"projectKey":"{key}","trackerVersion":"{version}","timestamp":1,"userUUID":null}}"#);
    format!(
        "POST /v1/web/start HTTP/1.1\r\nHost: test\r\nUser-Agent: {BROWSER}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The head of a batch whose body has this many bytes.
pub fn batch(token: &str, bytes: usize) -> String {
    format!(
        "POST /v1/web/i?batch=1_1 HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {bytes}\r\n\r\n"
    )
}

/// A whole batch.
pub fn batch_request(token: &str, body: &[u8]) -> Vec<u8> {
    [batch(token, body.len()).as_bytes(), body].concat()
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Status line and header lines.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether it says that the connection ends.
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// All of it, to be read by a person.
    pub fn text(&self) -> String {
        format!("{}\r\n{}", self.head, String::from_utf8_lossy(&self.body))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Without its date, for comparing two answers.
    pub fn undated(mut self) -> Answer {
        self.head = self.head.lines().filter(|line| !line.starts_with("Date:")).collect::<Vec<_>>().join("\n");
        self
    }
}

/// One connection that speaks bytes.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects; the server is up.
    pub fn new(addr: SocketAddr) -> Client {
        Client::of(TcpStream::connect_timeout(&addr, PATIENCE).expect("the server listens"))
    }

    fn of(stream: TcpStream) -> Client {
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Client { stream: BufReader::new(stream) }
    }

    /// Connects from an address of this machine's own.
    pub fn from(source: IpAddr, addr: SocketAddr) -> Client {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::new(source, 0).into()).expect("an address of this machine");
        socket.connect_timeout(&addr.into(), PATIENCE).expect("the server listens");
        Client::of(socket.into())
    }

    /// Sends all of it.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the server takes it");
    }

    /// Sends all of it, if the server takes it.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// A second handle to the socket, for a thread that only sends.
    pub fn sender(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("a second handle")
    }

    /// Says that nothing more will be sent.
    pub fn end_sending(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("a socket");
    }

    /// Breaks the connection off, so that the server's side is reset.
    pub fn reset(self) {
        socket2::SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO)).expect("a socket");
    }

    /// Reads an answer.
    #[track_caller]
    pub fn read(&mut self) -> Answer {
        self.try_read().expect("an answer")
    }

    /// Reads an answer, or tells how the connection ended.
    pub fn try_read(&mut self) -> io::Result<Answer> {
        let mut answer = self.try_read_head()?;
        if answer.status != 100 {
            let length = answer.header("content-length").and_then(|text| text.parse().ok());
            let length = length.ok_or_else(|| Error::new(ErrorKind::InvalidData, answer.text()))?;
            answer.body = vec![0; length];
            self.stream.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Reads an answer to a HEAD request: no body follows, whatever its length says.
    #[track_caller]
    pub fn read_head(&mut self) -> Answer {
        self.try_read_head().expect("an answer")
    }

    fn try_read_head(&mut self) -> io::Result<Answer> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, format!("the connection ended behind {head:?}")));
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, head.clone()))?;
        Ok(Answer { status, head, body: Vec::new() })
    }

    /// Sends a request and reads its answer.
    #[track_caller]
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.read()
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

    /// Whether nothing comes, and the connection stays, for `time`.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        matches!(self.next_byte(time), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// The next byte, which stays where it is; none at the end.
    fn next_byte(&mut self, time: Duration) -> io::Result<Option<u8>> {
        self.stream.get_ref().set_read_timeout(Some(time))?;
        let byte = self.stream.fill_buf().map(|bytes| bytes.first().copied());
        self.stream.get_ref().set_read_timeout(Some(PATIENCE))?;
        byte
    }
}
