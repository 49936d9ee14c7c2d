//! Ports of services. A service keeps its port while it is stopped, so the system cannot choose it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

/// Below the ports that the system gives to outgoing connections, which begin at 32768.
const FIRST: u16 = 20_000;
const COUNT: u32 = 12_000;

/// A port on loopback that no other test has, in this process or another, until it is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Holds the lock.
    _file: File,
}

impl Port {
    /// A free port.
    pub fn new() -> Port {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Another user's files could not be locked.
        let folder = env::temp_dir().join(format!("takeup-ports-{}", geteuid().as_raw()));
        fs::create_dir_all(&folder).expect("the temporary folder takes folders");
        // Processes that run side by side begin far from each other.
        let start = process::id().wrapping_mul(7_919);
        for _ in 0..COUNT {
            let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
            let number = FIRST + u16::try_from(offset).expect("is below COUNT");
            let file = File::create(folder.join(number.to_string())).expect("the temporary folder takes files");
            let is_ours = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
            if is_ours && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Port { number, _file: file };
            }
        }
        panic!("no port from {FIRST} is free");
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The address on loopback.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
