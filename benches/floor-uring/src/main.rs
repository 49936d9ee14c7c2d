//! The io_uring floor: one thread, one ring, a fixed answer. Nothing is parsed, nothing is stored.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::process::exit;

use bench_common::{ANSWER, Args, HEAD_BYTES_MAX, body_of};
use io_uring::{IoUring, opcode, squeue, types};

/// One operation a connection is in flight, so that the submission queue never overflows below this number.
const CONNECTIONS_MAX: usize = 4000;
const RING_ENTRIES: u32 = 4096;

const ACCEPT: u64 = u64::MAX;
const SEND: u64 = 1 << 32;

struct Connection {
    fd: RawFd,
    buffer: Box<[u8]>,
    filled: usize,
}

struct Server {
    ring: IoUring,
    listener: RawFd,
    connections: Vec<Connection>,
    free: Vec<usize>,
    body_bytes: usize,
}

fn main() {
    let args = Args::parse();
    args.pin();
    if let Err(error) = serve(&args) {
        eprintln!("floor-uring: {error}");
        exit(1);
    }
}

fn serve(args: &Args) -> io::Result<()> {
    let listener = TcpListener::bind(args.listen)?;
    let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(RING_ENTRIES)?;
    let mut server = Server {
        ring,
        listener: listener.as_raw_fd(),
        connections: Vec::new(),
        free: Vec::new(),
        body_bytes: args.body_bytes,
    };
    server.accept();
    let mut done = Vec::with_capacity(2 * RING_ENTRIES as usize);
    loop {
        match server.ring.submit_and_wait(1) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        done.extend(server.ring.completion().map(|entry| (entry.user_data(), entry.result())));
        for (user_data, result) in done.drain(..) {
            server.complete(user_data, result)?;
        }
    }
}

impl Server {
    fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: every buffer that an entry names lives until the operation has completed: a connection's is freed
        // never and reused only after its last operation, the answer is static.
        unsafe { self.ring.submission().push(entry) }
            .expect("one operation a connection, and fewer connections than entries");
    }

    fn accept(&mut self) {
        let entry = opcode::Accept::new(types::Fd(self.listener), std::ptr::null_mut(), std::ptr::null_mut());
        self.push(&entry.build().user_data(ACCEPT));
    }

    fn receive(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let room = &mut connection.buffer[connection.filled..];
        let entry = opcode::Recv::new(types::Fd(connection.fd), room.as_mut_ptr(), room.len() as u32);
        self.push(&entry.build().user_data(index as u64));
    }

    fn send(&mut self, index: usize) {
        let fd = types::Fd(self.connections[index].fd);
        let entry = opcode::Send::new(fd, ANSWER.as_ptr(), ANSWER.len() as u32).flags(libc::MSG_NOSIGNAL);
        self.push(&entry.build().user_data(SEND | index as u64));
    }

    fn complete(&mut self, user_data: u64, result: i32) -> io::Result<()> {
        if user_data == ACCEPT {
            if result < 0 {
                return Err(io::Error::from_raw_os_error(-result));
            }
            self.open(result);
            self.accept();
            return Ok(());
        }
        let index = (user_data & (SEND - 1)) as usize;
        if user_data & SEND != 0 {
            if result != ANSWER.len() as i32 {
                self.close(index);
            } else if self.whole(index) {
                self.send(index);
            } else {
                self.receive(index);
            }
            return Ok(());
        }
        if result <= 0 {
            self.close(index);
            return Ok(());
        }
        self.connections[index].filled += result as usize;
        if self.whole(index) {
            self.send(index);
        } else if self.connections[index].filled == self.connections[index].buffer.len() {
            self.close(index);
        } else {
            self.receive(index);
        }
        Ok(())
    }

    /// Takes one whole request out of the buffer; false when there is none.
    fn whole(&mut self, index: usize) -> bool {
        let connection = &mut self.connections[index];
        let Some(body) = body_of(&connection.buffer[..connection.filled], self.body_bytes) else {
            return false;
        };
        connection.buffer.copy_within(body.end..connection.filled, 0);
        connection.filled -= body.end;
        true
    }

    fn open(&mut self, fd: RawFd) {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.connections.len() == CONNECTIONS_MAX => {
                close(fd);
                return;
            }
            None => {
                let buffer = vec![0; HEAD_BYTES_MAX + self.body_bytes].into_boxed_slice();
                self.connections.push(Connection { fd, buffer, filled: 0 });
                self.connections.len() - 1
            }
        };
        self.connections[index].fd = fd;
        self.connections[index].filled = 0;
        self.receive(index);
    }

    fn close(&mut self, index: usize) {
        close(self.connections[index].fd);
        self.free.push(index);
    }
}

fn close(fd: RawFd) {
    // SAFETY: the descriptor came from the ring's accept and belongs to nobody else.
    unsafe { libc::close(fd) };
}
