//! What the tests of a whole server share: the binary itself, on a data folder of its own and on ports that the system chooses, and a client
//! that sends any bytes.
//!
//! Each target has its file `tests/<name>.rs`. One of several files names them in a module of its own name, so that they are found in
//! `tests/<name>/`.
//!
//! | file | holds |
//! |---|---|
//! | `home` | a data folder: starts servers on it and runs commands |
//! | `server` | a running server: its ports, its output, its metrics, its end |
//! | `command` | commands that run to their end |
//! | `connection`, `response` | the client |
//! | `request` | a builder of requests |
//! | `log` | what was stored |
//! | `token` | tokens, without the code under test |
//! | `disk` | file systems to fill, to break and to measure |
//! | `services` | Redis, Postgres, Kafka and others, as real processes |
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod command;
mod connection;
mod disk;
mod home;
pub mod log;
mod request;
mod response;
mod server;
pub mod services;
pub mod token;
mod wait;

use std::path::{Path, PathBuf};

pub use command::{Finished, finish, takeup};
pub use connection::{After, Connection};
pub use disk::{Disk, DiskKind};
pub use home::Home;
pub use log::Stored;
pub use request::{BROWSER, Request, Wire, chunk, gzip};
pub use response::Response;
pub use server::Server;
pub use wait::{PATIENCE, wait_for, wait_for_or_say};

/// A file or folder of the recordings.
pub fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
