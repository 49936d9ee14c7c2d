//! PgBouncer, in transaction mode: two statements of a client may run on different connections.

use std::fs;

use rustix::process::Signal;

use super::folder::Folder;
use super::install;
use super::port::Port;
use super::postgres::Postgres;
use super::process::{Process, Program};
use super::relay;

/// A PgBouncer in front of a Postgres that takes plain connections. Version 1.18 knows no prepared statements in this mode.
#[derive(Debug)]
pub struct PgBouncer {
    process: Process,
    port: Port,
    url: String,
    _folder: Folder,
}

impl PgBouncer {
    /// One that gives its clients two connections.
    #[track_caller]
    pub fn before(postgres: &Postgres) -> PgBouncer {
        let (port, folder) = (Port::new(), Folder::new());
        let (role, password) = postgres.role();
        fs::write(folder.path().join("users.txt"), format!("\"{role}\" \"{password}\"\n"))
            .expect("the folder takes files");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = users.txt\npool_mode = transaction\ndefault_pool_size = 2\n\
             server_login_retry = 0.1\n",
            postgres.port(),
            port.number()
        );
        fs::write(folder.path().join("pgbouncer.ini"), settings).expect("the folder takes files");
        let process = Process::new(Program {
            name: "pgbouncer",
            path: install::program("pgbouncer"),
            arguments: vec!["pgbouncer.ini".to_owned()],
            environment: Vec::new(),
            user: Some("postgres"),
            folder: folder.path().to_owned(),
        });
        let pgbouncer = PgBouncer { url: postgres.url_at(port.number()), process, port, _folder: folder };
        pgbouncer.start();
        pgbouncer
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `POSTGRES_STRING` through it.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Starts it again.
    #[track_caller]
    pub fn start(&self) {
        self.process.start(|| relay::listens(self.port.addr()));
    }

    /// Asks it to end.
    #[track_caller]
    pub fn stop(&self) {
        self.process.stop(Signal::TERM);
    }

    /// Kills it.
    #[track_caller]
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Stops and starts it.
    #[track_caller]
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Stops the time for it.
    #[track_caller]
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets it go on.
    #[track_caller]
    pub fn resume(&self) {
        self.process.resume();
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        self.process.said()
    }
}
