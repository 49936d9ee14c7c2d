//! The durable floor: one thread with epoll appends each body to a file whose blocks are written already, another one
//! syncs; one sync is in flight, what arrives meanwhile shares the next, and the answers go out behind it. No parsing, no
//! tokens, no records.

use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::process::exit;
use std::sync::Arc;
use std::{fs, thread};

use bench_common::{ANSWER, Args, HEAD_BYTES_MAX, body_of};

/// The file's length. Its blocks are written before the first request, and written again in turn when it is full.
const FILE_BYTES: u64 = 1 << 30;

const EVENTS_MAX: usize = 1024;
const LISTENER: u64 = u64::MAX;
const SYNCED: u64 = u64::MAX - 1;

struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
    filled: usize,
}

struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    body_bytes: usize,
    file: Arc<File>,
    end: u64,
    /// Appended since the last sync began, and what that one covers.
    waiting: Vec<usize>,
    syncing: Vec<usize>,
    start_sync: Arc<EventFd>,
    synced: Arc<EventFd>,
}

fn main() {
    let args = Args::parse();
    args.pin();
    if let Err(error) = serve(&args) {
        eprintln!("floor-durable: {error}");
        exit(1);
    }
}

fn serve(args: &Args) -> io::Result<()> {
    let file = Arc::new(written_file(args)?);
    let (start_sync, synced) = (Arc::new(EventFd::new()?), Arc::new(EventFd::new()?));
    thread::spawn({
        let (file, start_sync, synced) = (file.clone(), start_sync.clone(), synced.clone());
        move || {
            loop {
                let result = start_sync.wait().and_then(|()| file.sync_data()).and_then(|()| synced.notify());
                if let Err(error) = result {
                    eprintln!("floor-durable: sync: {error}");
                    exit(1);
                }
            }
        }
    });
    let listener = TcpListener::bind(args.listen)?;
    listener.set_nonblocking(true)?;
    // SAFETY: a plain system call; its result is checked before it becomes an owned descriptor.
    let epoll = unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))? };
    let mut server = Server {
        epoll,
        listener,
        connections: Vec::new(),
        free: Vec::new(),
        body_bytes: args.body_bytes,
        file,
        end: 0,
        waiting: Vec::new(),
        syncing: Vec::new(),
        start_sync,
        synced,
    };
    server.watch(server.listener.as_raw_fd(), LISTENER)?;
    server.watch(server.synced.0.as_raw_fd(), SYNCED)?;
    server.run()
}

/// A file of written blocks in the data folder.
fn written_file(args: &Args) -> io::Result<File> {
    fs::create_dir_all(args.data())?;
    let path = args.data().join("durable");
    let mut file = File::options().create_new(true).read(true).write(true).open(path)?;
    let piece = vec![0; 1 << 20];
    for _ in 0..FILE_BYTES / piece.len() as u64 {
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    Ok(file)
}

impl Server {
    fn watch(&self, fd: i32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: both descriptors are open, and `event` outlives the call.
        let result = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        loop {
            // SAFETY: the buffer holds EVENTS_MAX events and outlives the call.
            let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), EVENTS_MAX as i32, -1) };
            if count < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            for event in &events[..count as usize] {
                match event.u64 {
                    LISTENER => self.accept()?,
                    SYNCED => self.answer()?,
                    index => self.receive(index as usize)?,
                }
            }
            // At the end of the turn, so that a group carries all that was ready.
            if self.syncing.is_empty() && !self.waiting.is_empty() {
                std::mem::swap(&mut self.waiting, &mut self.syncing);
                self.start_sync.notify()?;
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        let index = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        self.watch(stream.as_raw_fd(), index as u64)?;
        let buffer = vec![0; HEAD_BYTES_MAX + self.body_bytes].into_boxed_slice();
        self.connections[index] = Some(Connection { stream, buffer, filled: 0 });
        Ok(())
    }

    fn receive(&mut self, index: usize) -> io::Result<()> {
        let Some(connection) = &mut self.connections[index] else {
            return Ok(());
        };
        match io::Read::read(&mut connection.stream, &mut connection.buffer[connection.filled..]) {
            Ok(got) if got > 0 => connection.filled += got,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Ok(_) | Err(_) => {
                self.close(index);
                return Ok(());
            }
        }
        let Some(body) = body_of(&connection.buffer[..connection.filled], self.body_bytes) else {
            return Ok(());
        };
        if !body.is_empty() {
            if self.end + body.len() as u64 > FILE_BYTES {
                self.end = 0;
            }
            self.file.write_all_at(&connection.buffer[body.clone()], self.end)?;
            self.end += body.len() as u64;
            self.waiting.push(index);
        }
        connection.buffer.copy_within(body.end..connection.filled, 0);
        connection.filled -= body.end;
        if body.is_empty() {
            self.send(index);
        }
        Ok(())
    }

    fn answer(&mut self) -> io::Result<()> {
        self.synced.wait()?;
        for position in 0..self.syncing.len() {
            self.send(self.syncing[position]);
        }
        self.syncing.clear();
        Ok(())
    }

    fn send(&mut self, index: usize) {
        if let Some(connection) = &mut self.connections[index]
            && connection.stream.write_all(ANSWER).is_err()
        {
            self.close(index);
        }
    }

    /// Closes a connection. Its place is given to another only when no answer is due there.
    fn close(&mut self, index: usize) {
        self.connections[index] = None;
        if !self.waiting.contains(&index) && !self.syncing.contains(&index) {
            self.free.push(index);
        }
    }
}

/// A wake between the two threads.
struct EventFd(OwnedFd);

impl EventFd {
    fn new() -> io::Result<Self> {
        // SAFETY: a plain system call; its result is checked before it becomes an owned descriptor.
        unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC)) }.map(Self)
    }

    fn notify(&self) -> io::Result<()> {
        let one = 1_u64;
        // SAFETY: eight bytes are read from `one`, which outlives the call.
        let result = unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
        if result == 8 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn wait(&self) -> io::Result<()> {
        let mut count = 0_u64;
        // SAFETY: eight bytes are written to `count`, which outlives the call.
        let result = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
        if result == 8 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// # Safety
///
/// `fd` is negative or a descriptor that nobody else owns.
unsafe fn owned(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller promises that nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
