//! The real binary, started on a data folder of its own and stopped as an operator would.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Connection;

/// How long a server may take to start or to stop. A debug build compiles the user agent rules in
/// seconds, and several servers start at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A start request that is refused only after its user agent was read: it waits for the rules,
/// and leaves no record.
const CRAWLER_START: &str = concat!(
    "POST /v1/web/start HTTP/1.1\r\nHost: golden\r\nUser-Agent: Googlebot/2.1\r\n",
    "Connection: close\r\nContent-Length: "
);

/// A running server. Dropping it kills the process; [`Server::stop`] ends it in order.
pub struct Server {
    process: Child,
    address: SocketAddr,
    admin: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server for these projects, and returns once it answers starts. `key` is the key
    /// of one of its web projects.
    pub fn start(projects: &str, environment: &[(String, String)], key: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for the test's data");
        fs::write(folder.path().join("projects.toml"), projects).expect("the data folder takes projects.toml");
        let (address, admin) = free_addresses();
        let output = |name: &str| File::create(folder.path().join(name)).expect("the data folder takes files");
        let process = Command::new(env!("CARGO_BIN_EXE_takeup"))
            .arg("serve")
            .arg("--data")
            .arg(folder.path())
            .args(["--listen", &address.to_string(), "--admin", &admin.to_string()])
            .env_clear()
            .envs([
                ("TAKEUP_CHECK_BODIES", "inline"),
                // A debug build on a busy machine is slow; how long a server waits is asked elsewhere.
                ("TAKEUP_PATIENCE", "60s"),
                ("TAKEUP_LOG_REQUESTS", "all"),
                ("TAKEUP_SEGMENT_BYTES", "32MiB"),
                ("TAKEUP_INSIST_FILE_SYSTEM", "true"),
            ])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .expect("the binary starts");
        let mut server = Self { process, address, admin, folder };
        server.wait_until_it_answers(key);
        server
    }

    /// Where clients reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics and health are.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it with SIGTERM and demands exit code 0.
    pub fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("the server takes a signal");
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match self.process.try_wait().expect("the server can be waited for") {
                Some(status) => break status,
                None if Instant::now() > end => panic!("no exit after SIGTERM:\n{}", self.said()),
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        assert!(status.success(), "{status} after SIGTERM:\n{}", self.said());
    }

    fn wait_until_it_answers(&mut self, key: &str) {
        let body = format!(r#"{{"projectKey":"{key}","trackerVersion":"18.0.6"}}"#);
        let request = format!("{CRAWLER_START}{}\r\n\r\n{body}", body.len());
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().expect("the server can be waited for") {
                panic!("the server ended with {status}:\n{}", self.said());
            }
            if std::net::TcpStream::connect(self.address).is_ok() {
                let mut connection = Connection::open(self.address);
                connection.send(request.as_bytes());
                match connection.read("POST", PATIENCE) {
                    Some(response) if response.status == 403 => return,
                    Some(response) if response.status == 503 => {}
                    other => panic!("a crawler's start is refused with 403, not {other:?}:\n{}", self.said()),
                }
            }
            assert!(Instant::now() < end, "no answer in time:\n{}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The end of what the process wrote to both of its outputs.
    fn said(&self) -> String {
        let tail = |name: &str| {
            let text = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(20).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        format!("stderr:\n{}\nstdout:\n{}", tail("stderr"), tail("stdout"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a subcommand on a data folder and returns the lines that it prints.
pub fn lines_of(subcommand: &[&str], data: &Path) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_takeup"))
        .args(subcommand)
        .arg("--data")
        .arg(data)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "takeup {subcommand:?}: {}: {complaint}", output.status);
    let text = String::from_utf8(output.stdout).expect("NDJSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is one JSON value")).collect()
}

/// The folder of recorded files.
pub fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Two loopback addresses that were free a moment ago, below the range that the system gives to connections, of which the
/// tests open many.
fn free_addresses() -> (SocketAddr, SocketAddr) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = std::process::id() as u16 % 10_000;
    let bind = || {
        let mut tries = std::iter::repeat_with(|| 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000);
        tries.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).expect("loopback has free ports")
    };
    let (a, b) = (bind(), bind());
    let address = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address");
    (address(&a), address(&b))
}
