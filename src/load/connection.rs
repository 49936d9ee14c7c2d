//! One connection to the server, and the few that a browser keeps.

use std::cell::RefCell;
use std::error::Error as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest answer; a start's has half a kilobyte.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No connection could be made.
    Connect(io::ErrorKind),
    /// The connection ended before an answer had begun.
    Closed,
    /// The answer is not HTTP, is cut off, or is too long.
    Broken,
}

impl Fault {
    /// What it is called in a summary.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Connect(io::ErrorKind::ConnectionRefused) => "connection refused",
            Fault::Connect(io::ErrorKind::TimedOut) => "connecting timed out",
            Fault::Connect(io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse) => "no local port left",
            Fault::Connect(_) => "could not connect",
            Fault::Closed => "closed without an answer",
            Fault::Broken => "broken answer",
        }
    }
}

/// An open connection.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    used: bool,
}

/// The connections of one browser, or of all of them.
pub struct Pool {
    addr: SocketAddr,
    idle: RefCell<Vec<Connection>>,
    /// One for each connection in use.
    permits: Arc<Semaphore>,
}

/// What came of one try on one connection.
pub struct Tried {
    /// The answer, if there is one.
    pub outcome: Result<Answer, Fault>,
    /// Whether the connection had carried a request before.
    pub reused: bool,
}

impl Pool {
    /// At most so many connections at once.
    pub fn new(addr: SocketAddr, connections_max: usize) -> Pool {
        let permits = Arc::new(Semaphore::new(connections_max));
        Pool { addr, idle: RefCell::default(), permits }
    }

    /// Whether all connections are in use.
    pub fn is_full(&self) -> bool {
        self.permits.available_permits() == 0
    }

    /// Sends a request on an idle connection, or on a new one from this address, and reads the answer. Waits while all are in use.
    pub async fn send(&self, source: Option<Ipv4Addr>, request: Request<Full<Bytes>>) -> Tried {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit: OwnedSemaphorePermit = permit.expect("it is never closed");
        let mut connection = match self.take() {
            Some(connection) => connection,
            None => match open(self.addr, source).await {
                Ok(connection) => connection,
                Err(fault) => return Tried { outcome: Err(fault), reused: false },
            },
        };
        let reused = std::mem::replace(&mut connection.used, true);
        let outcome = exchange(&mut connection.sender, request).await;
        if outcome.is_ok() && !connection.sender.is_closed() {
            self.idle.borrow_mut().push(connection);
        }
        drop(permit);
        Tried { outcome, reused }
    }

    /// The connection that was used last: others may time out.
    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(connection) = idle.pop() {
            if !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }
}

async fn open(addr: SocketAddr, source: Option<Ipv4Addr>) -> Result<Connection, Fault> {
    let stream = connect(addr, source).await.map_err(|error| Fault::Connect(error.kind()))?;
    let shaken = http1::Builder::new().handshake(TokioIo::new(stream)).await;
    let (sender, driver) = shaken.map_err(|_| Fault::Closed)?;
    // Its faults reach whoever waits for an answer.
    tokio::task::spawn_local(async move { drop(driver.await) });
    Ok(Connection { sender, used: false })
}

async fn connect(addr: SocketAddr, source: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
    }
    let stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
    sender.ready().await.map_err(|error| fault(&error))?;
    let response = sender.send_request(request).await.map_err(|error| fault(&error))?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| Fault::Broken)?;
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
}

/// What ended an exchange before its answer began.
fn fault(error: &hyper::Error) -> Fault {
    let reset = |kind| matches!(kind, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe);
    let system = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    if error.is_closed() || error.is_canceled() || error.is_incomplete_message() || system.is_some_and(reset) {
        return Fault::Closed;
    }
    Fault::Broken
}
