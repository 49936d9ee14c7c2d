//! A primary Redis with a replica, and a Sentinel that makes the replica the primary when the primary is gone.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use super::folder::Folder;
use super::install;
use super::port::Port;
use super::process::{Process, Program};
use super::redis::{ADMIN, Redis};
use crate::common::wait::{PATIENCE, wait_for};

/// The name of the primary at its Sentinel.
const NAME: &str = "takeup";

/// A primary, a replica, a Sentinel. Both keep every write.
#[derive(Debug)]
pub struct RedisSentinel {
    /// The one that is the primary at first.
    pub first: Redis,
    /// The one that is its replica at first.
    pub second: Redis,
    process: Process,
    port: Port,
    _folder: Folder,
}

impl RedisSentinel {
    /// Starts the three, and returns when the Sentinel knows the others.
    #[track_caller]
    pub fn new() -> RedisSentinel {
        let first = Redis::durable();
        let second = first.replica();
        let (port, folder) = (Port::new(), Folder::new());
        let settings = format!(
            "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor {NAME} 127.0.0.1 {} 1\nsentinel down-after-milliseconds {NAME} 500\n\
             sentinel failover-timeout {NAME} 2000\nsentinel auth-user {NAME} {}\nsentinel auth-pass {NAME} {}\n",
            port.number(),
            folder.path().display(),
            first.port(),
            ADMIN.0,
            ADMIN.1
        );
        // It writes what it learns to this file.
        let file = folder.path().join("sentinel.conf");
        fs::write(&file, settings).expect("the folder takes files");
        let process = Process::new(Program {
            name: "sentinel",
            path: install::program("redis-server"),
            arguments: vec![file.display().to_string(), "--sentinel".to_owned()],
            environment: Vec::new(),
            user: None,
            folder: folder.path().to_owned(),
        });
        let sentinel = RedisSentinel { first, second, process, port, _folder: folder };
        sentinel.start();
        wait_for("the Sentinel to know the replica", PATIENCE, || {
            sentinel.cli(&["SENTINEL", "replicas", NAME]).contains(&sentinel.second.port().to_string()).then_some(())
        });
        sentinel
    }

    /// Where the Sentinel listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The name of the primary at the Sentinel.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The port of the primary, as the Sentinel tells it.
    pub fn primary(&self) -> u16 {
        let text = self.cli(&["SENTINEL", "get-master-addr-by-name", NAME]);
        text.lines().nth(1).and_then(|port| port.parse().ok()).expect("an address and a port")
    }

    /// Kills the first Redis, and waits until the second one is the primary.
    #[track_caller]
    pub fn fail_over(&self) {
        self.first.kill();
        wait_for("the replica to be the primary", 4 * PATIENCE, || {
            let is_primary = || self.second.cli(&["INFO", "replication"]).contains("role:master");
            (self.primary() == self.second.port() && is_primary()).then_some(())
        });
    }

    /// Starts the Sentinel again.
    #[track_caller]
    pub fn start(&self) {
        self.process.start(|| self.cli(&["PING"]) == "PONG");
    }

    /// Asks the Sentinel to end. The others run on.
    #[track_caller]
    pub fn stop(&self) {
        self.process.stop(Signal::TERM);
    }

    /// What the Sentinel has printed.
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// A command to the Sentinel. What went wrong is text, too.
    fn cli(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(install::program("redis-cli"));
        let output = command.args(["-p", &self.port().to_string()]).args(arguments).output().expect("redis-cli runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}
