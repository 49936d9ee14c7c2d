//! Redis, or Valkey.

mod resp;

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use super::certificate::Certificate;
use super::folder::Folder;
use super::install;
use super::port::Port;
use super::process::{Process, Program};
use crate::common::wait::{PATIENCE, wait_for};

pub use resp::{Reply, RespConnection, StreamEntry};

/// The user of the tests themselves, so that a test may change the passwords and rights of all others.
pub(super) const ADMIN: (&str, &str) = ("admin-of-tests", "6f1c");

/// How a Redis is set up. By default: open to all, no limit of memory, and what a clean stop saves is all that it keeps.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// The password of the default user. None: no password.
    pub password: Option<String>,
    /// A further user with all rights, and its password. The default user is then off.
    pub user: Option<(String, String)>,
    /// `maxmemory`, such as `10mb`. The policy is `noeviction`: writes are refused with OOM.
    pub maxmemory: Option<String>,
    /// Keeps every write on disk, so that nothing is lost by `kill`.
    pub appendonly: bool,
    /// Serves TLS only.
    pub tls: bool,
    /// Runs Valkey.
    pub valkey: bool,
    /// Where its data lies, such as a small disk. By default: in the system's temporary folder.
    pub within: Option<PathBuf>,
    /// More arguments, such as `["--proto-max-bulk-len", "1mb"]`.
    pub arguments: Vec<String>,
}

/// A Redis server.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: Port,
    options: RedisOptions,
    folder: Folder,
}

impl Redis {
    /// A Redis that is open to all.
    pub fn new() -> Redis {
        Redis::with(RedisOptions::default())
    }

    /// A Redis that keeps every write.
    pub fn durable() -> Redis {
        Redis::with(RedisOptions { appendonly: true, ..RedisOptions::default() })
    }

    /// A Redis with these options.
    #[track_caller]
    pub fn with(options: RedisOptions) -> Redis {
        let port = Port::new();
        let folder = options.within.as_deref().map_or_else(Folder::new, Folder::within);
        let users = folder.path().join("users.acl");
        let password = |password: &Option<String>| match password {
            Some(password) => format!(">{password}"),
            None => "nopass".to_owned(),
        };
        let mut text = format!("user {} on >{} ~* &* +@all\n", ADMIN.0, ADMIN.1);
        match &options.user {
            Some((name, own)) => text += &format!("user default off\nuser {name} on >{own} ~* &* +@all\n"),
            None => text += &format!("user default on {} ~* &* +@all\n", password(&options.password)),
        }
        std::fs::write(&users, text).expect("the folder takes files");

        let mut arguments: Vec<String> = Vec::new();
        let mut set = |name: &str, value: &str| arguments.extend([format!("--{name}"), value.to_owned()]);
        let path = |path: PathBuf| path.display().to_string();
        let number = port.number().to_string();
        set("bind", "127.0.0.1");
        set("dir", &path(folder.path().to_owned()));
        set("aclfile", &path(users));
        set("save", "3600 1");
        set("appendonly", if options.appendonly { "yes" } else { "no" });
        set("shutdown-timeout", "0");
        set("masteruser", ADMIN.0);
        set("masterauth", ADMIN.1);
        set("repl-diskless-sync-delay", "0");
        if let Some(maxmemory) = &options.maxmemory {
            set("maxmemory", maxmemory);
            set("maxmemory-policy", "noeviction");
        }
        if options.tls {
            let certificate = Certificate::server();
            set("port", "0");
            set("tls-port", &number);
            set("tls-cert-file", &path(certificate.certificate()));
            set("tls-key-file", &path(certificate.key()));
            set("tls-ca-cert-file", &path(certificate.authority()));
            set("tls-auth-clients", "no");
            set("tls-replication", "yes");
        } else {
            set("port", &number);
        }
        arguments.extend(options.arguments.iter().cloned());
        let name = if options.valkey { "valkey-server" } else { "redis-server" };
        let process = Process::new(Program {
            name,
            path: install::program(name),
            arguments,
            environment: Vec::new(),
            user: None,
            folder: folder.path().to_owned(),
        });
        let redis = Redis { process, port, options, folder };
        redis.start();
        redis
    }

    /// A read-only replica of this one, which has received all that this one has. Its users are its own.
    #[track_caller]
    pub fn replica(&self) -> Redis {
        let mut options = self.options.clone();
        options.arguments.extend(["--replicaof".to_owned(), format!("127.0.0.1 {}", self.port())]);
        let replica = Redis::with(options);
        wait_for("the replica to be in step", PATIENCE, || {
            replica.cli(&["INFO", "replication"]).contains("master_link_status:up").then_some(())
        });
        replica
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `REDIS_STRING` for its clients, with the password.
    pub fn url(&self) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        let user = match (&self.options.user, &self.options.password) {
            (Some((name, password)), _) => format!("{name}:{password}@"),
            (None, Some(password)) => format!(":{password}@"),
            (None, None) => String::new(),
        };
        format!("{scheme}://{user}127.0.0.1:{}", self.port())
    }

    /// The folder with its data.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Starts it again.
    #[track_caller]
    pub fn start(&self) {
        self.process.start(|| self.try_cli(&["PING"]).is_ok_and(|answer| answer == "PONG"));
    }

    /// Asks it to end. It saves its data first.
    #[track_caller]
    pub fn stop(&self) {
        self.process.stop(Signal::TERM);
    }

    /// Kills it. What was written since it last saved is lost, unless it is `appendonly`.
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

    /// Kills it, and starts it as it was before its first write.
    #[track_caller]
    pub fn restart_empty(&self) {
        self.kill();
        for name in ["dump.rdb", "appendonlydir"] {
            let path = self.folder.path().join(name);
            let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
        self.start();
    }

    /// Kills it, and starts it with the data of the last [`Redis::save`]. Not for one that is `appendonly`.
    #[track_caller]
    pub fn restart_older(&self) {
        assert!(!self.options.appendonly, "it would keep all that it has");
        self.kill();
        self.start();
    }

    /// Saves its data now.
    #[track_caller]
    pub fn save(&self) {
        assert_eq!(self.cli(&["SAVE"]), "OK");
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

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.process.runs()
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// A command by `redis-cli`, as a user with all rights. Its error fails the test.
    #[track_caller]
    pub fn cli(&self, arguments: &[&str]) -> String {
        self.try_cli(arguments).unwrap_or_else(|error| panic!("redis-cli {arguments:?}: {error}"))
    }

    /// The same, or what the server or redis-cli says against it.
    pub fn try_cli(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(install::program("redis-cli"));
        command.args(["-e", "--no-auth-warning", "-p", &self.port().to_string()]);
        command.args(["--user", ADMIN.0, "--pass", ADMIN.1]);
        if self.options.tls {
            command.arg("--tls").arg("--cacert").arg(Certificate::server().authority());
        }
        let output = command.args(arguments).output().expect("redis-cli runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(format!("{}{}", text(&output.stdout), text(&output.stderr)))
        }
    }

    /// A connection that knows only the protocol, as a user with all rights. Not for one that serves TLS.
    #[track_caller]
    pub fn connect(&self) -> RespConnection {
        assert!(!self.options.tls, "this client has no TLS");
        let mut connection = RespConnection::open(self.port.addr());
        connection.call(&["AUTH", ADMIN.0, ADMIN.1]).expect_ok();
        connection
    }

    /// All entries of a stream, byte for byte, oldest first. None: no such stream.
    #[track_caller]
    pub fn entries(&self, stream: &str) -> Vec<StreamEntry> {
        self.connect().call(&["XRANGE", stream, "-", "+"]).entries()
    }
}
