//! A TCP relay: a network that hangs, slows down or breaks between a client and a service that runs on.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::port::Port;
use crate::common::wait::{PATIENCE, wait_for};

/// How long a thread waits for a socket before it looks whether its connection has ended.
const TICK: Duration = Duration::from_millis(20);

/// What the relay does with bytes and connections, those that are open and those that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayMode {
    /// Hands on all bytes.
    Pass,
    /// Accepts connections and reads nothing from either side: whoever writes is stuck when the buffers are full.
    Hang,
    /// Takes all that the client sends, and hands on neither that nor an answer.
    Swallow,
    /// Hands on all that the client sends, and no more answers: what was written has arrived, and the client does not know.
    KeepAnswers,
    /// Hands on so many bytes a second in each direction.
    Slow(u32),
    /// Listens no more, and resets the connections that are open.
    Refuse,
}

/// A relay on loopback. Ends when dropped.
#[derive(Debug)]
pub struct Relay {
    port: Port,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    mode: RelayMode,
    /// None: it refuses, or has ended.
    listener: Option<TcpListener>,
    connections: Vec<Weak<Connection>>,
    ended: bool,
}

/// Both sockets, owned by the two threads that read them: the last one that ends closes them.
#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    is_cut: AtomicBool,
}

impl Relay {
    /// A relay to a port on loopback.
    pub fn to(port: u16) -> Relay {
        let state = State { mode: RelayMode::Refuse, listener: None, connections: Vec::new(), ended: false };
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        let shared = Arc::new(Shared { target, state: Mutex::new(state), changed: Condvar::new() });
        let relay = Relay { port: Port::new(), shared };
        relay.set(RelayMode::Pass);
        relay
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Changes what it does, for open connections, too.
    pub fn set(&self, mode: RelayMode) {
        let mut state = self.shared.lock();
        state.mode = mode;
        let cut = if mode == RelayMode::Refuse { state.close() } else { Vec::new() };
        if mode != RelayMode::Refuse && state.listener.is_none() {
            // The thread that accepted before may have a handle for a moment yet.
            let listener = wait_for("the port", PATIENCE, || TcpListener::bind(self.port.addr()).ok());
            let accepting = listener.try_clone().expect("a second handle");
            state.listener = Some(listener);
            let shared = self.shared.clone();
            thread::spawn(move || shared.accept(&accepting));
        }
        drop(state);
        self.shared.changed.notify_all();
        await_end(&cut);
    }

    /// Resets the connections that are open.
    pub fn cut(&self) {
        let cut = self.shared.lock().cut();
        self.shared.changed.notify_all();
        await_end(&cut);
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.iter().filter(|connection| connection.strong_count() > 0).count()
    }
}

fn await_end(cut: &[Weak<Connection>]) {
    wait_for("connections to be reset", PATIENCE, || {
        cut.iter().all(|connection| connection.strong_count() == 0).then_some(())
    });
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        drop((state.close(), state));
        self.shared.changed.notify_all();
    }
}

impl State {
    /// Listens no more. Returns the connections that end.
    fn close(&mut self) -> Vec<Weak<Connection>> {
        if let Some(listener) = self.listener.take() {
            // It ends the thread that accepts, which has a handle of its own.
            let _ = SockRef::from(&listener).shutdown(Shutdown::Both);
        }
        self.cut()
    }

    fn cut(&mut self) -> Vec<Weak<Connection>> {
        for connection in self.connections.iter().filter_map(Weak::upgrade) {
            for socket in [&connection.client, &connection.server] {
                // When it is closed, it is reset.
                let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
            }
            connection.is_cut.store(true, Ordering::Relaxed);
        }
        std::mem::take(&mut self.connections)
    }

    /// Whether bytes in this direction wait.
    fn holds(&self, is_request: bool) -> bool {
        match self.mode {
            RelayMode::Hang => true,
            RelayMode::Swallow | RelayMode::KeepAnswers => !is_request,
            RelayMode::Pass | RelayMode::Slow(_) | RelayMode::Refuse => false,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        while let Ok((client, _)) = listener.accept() {
            // The service may be down: the client then sees its connection closed.
            let Ok(server) = TcpStream::connect(self.target) else { continue };
            let mut state = self.lock();
            if state.listener.is_none() {
                return;
            }
            for socket in [&client, &server] {
                socket.set_nodelay(true).expect("a socket");
                socket.set_read_timeout(Some(TICK)).expect("a socket");
                socket.set_write_timeout(Some(TICK)).expect("a socket");
            }
            let connection = Arc::new(Connection { client, server, is_cut: AtomicBool::new(false) });
            state.connections.retain(|connection| connection.strong_count() > 0);
            state.connections.push(Arc::downgrade(&connection));
            for is_request in [true, false] {
                let (shared, connection) = (self.clone(), connection.clone());
                thread::spawn(move || shared.carry(&connection, is_request));
            }
        }
    }

    /// Hands on bytes from one socket to the other until one of them ends.
    fn carry(&self, connection: &Connection, is_request: bool) {
        let (client, server) = (&connection.client, &connection.server);
        let (mut from, mut to) = if is_request { (client, server) } else { (server, client) };
        let mut piece = [0; 65_536];
        while self.mode(connection, is_request).is_some() {
            let mut bytes = match from.read(&mut piece) {
                Ok(0) => {
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(n) => &piece[..n],
                Err(error) if is_passing(&error) => continue,
                Err(_) => return,
            };
            while !bytes.is_empty() {
                // It may have changed while these bytes were waited for.
                let Some(mode) = self.mode(connection, is_request) else { return };
                if mode == RelayMode::Swallow && is_request {
                    break;
                }
                // A tenth of a second's worth at a time.
                let most = if let RelayMode::Slow(rate) = mode { (rate as usize / 10).max(1) } else { bytes.len() };
                match to.write(&bytes[..most.min(bytes.len())]) {
                    Ok(n) => {
                        bytes = &bytes[n..];
                        if let RelayMode::Slow(rate) = mode {
                            self.pause(Duration::from_secs_f64(n as f64 / f64::from(rate.max(1))));
                        }
                    }
                    Err(error) if is_passing(&error) => {}
                    Err(_) => return,
                }
            }
        }
    }

    /// The mode, once it lets bytes in this direction go on. None: the connection ends.
    fn mode(&self, connection: &Connection, is_request: bool) -> Option<RelayMode> {
        let mut state = self.lock();
        loop {
            if state.ended || connection.is_cut.load(Ordering::Relaxed) {
                return None;
            }
            if !state.holds(is_request) {
                return Some(state.mode);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits, but not beyond the next change.
    fn pause(&self, time: Duration) {
        drop(self.changed.wait_timeout(self.lock(), time));
    }
}

/// Whether a socket has nothing to give or take for the moment.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Whether something accepts connections there.
pub fn listens(addr: SocketAddr) -> bool {
    TcpStream::connect_timeout(&addr, Duration::from_secs(5)).is_ok()
}
