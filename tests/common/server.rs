//! A running server.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::connection::Connection;
use super::request::Request;
use super::response::Response;
use super::wait::{PATIENCE, wait_for, wait_for_or_say};

/// How long a server may take to compile the rules for every browser. A debug build takes seconds, and several servers start at once.
const RULES_PATIENCE: Duration = Duration::from_secs(60);

/// A user agent whose start is refused, but only after the rules have read it: it leaves no record.
const CRAWLER: &str = "Googlebot/2.1";

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    /// Where clients reach it.
    pub addr: SocketAddr,
    /// Its admin port.
    pub admin: SocketAddr,
    stdout: PathBuf,
    stderr: PathBuf,
    began: Instant,
}

impl Server {
    /// Starts the command with its output in these files, and waits until it listens. Fails with what it said.
    pub fn spawn(mut command: Command, stdout: PathBuf, stderr: PathBuf) -> Result<Server, String> {
        let file = |path: &Path| File::create(path).expect("the folder takes files");
        command.stdout(file(&stdout)).stderr(file(&stderr));
        let began = Instant::now();
        let child = command.spawn().expect("the binary runs");
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { child, addr: unknown, admin: unknown, stdout, stderr, began };
        let ended = wait_for("the server to listen", PATIENCE, || {
            let ended = server.child.try_wait().expect("a child");
            (ended.is_some() || server.addresses().is_some()).then_some(ended)
        });
        match (server.addresses(), ended) {
            (Some(addresses), None) => (server.addr, server.admin) = addresses,
            _ => return Err(format!("{ended:?}: {}", server.said())),
        }
        Ok(server)
    }

    /// Waits until its rules for user agents are compiled and it answers starts of the web project with this key.
    #[track_caller]
    pub fn wait_until_it_answers_starts(&self, key: &str) {
        let start = Request::start_of("18.0.6", key).without("User-Agent").header("User-Agent", CRAWLER);
        let mut are_answered = || {
            let mut connection = self.connect();
            connection.send(&start);
            match connection.read_final("POST", RULES_PATIENCE) {
                Some(response) if response.status == 403 => Some(()),
                Some(response) if response.status == 503 => None,
                other => panic!("a crawler's start is refused with 403, not {other:?}:\n{}", self.said()),
            }
        };
        wait_for("starts to be answered", RULES_PATIENCE, &mut are_answered);
    }

    /// What it printed for programs: log lines.
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it printed for people.
    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Both.
    pub fn said(&self) -> String {
        format!("stderr:\n{}\nstdout:\n{}", self.stderr(), self.stdout())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// When it was started.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// The addresses that it listens on, once it has printed them.
    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        let text = self.stderr();
        let behind = |marker: &str| {
            let rest = text.split(marker).nth(1)?;
            rest.split([' ', ',']).next()?.parse().ok()
        };
        // Text after the addresses shows that both have been written whole.
        text.contains(", data in ").then_some(())?;
        Some((behind("listens on http://")?, behind("metrics and health on http://")?))
    }

    /// Waits for a log line that has all these texts.
    #[track_caller]
    pub fn wait_for_line(&self, texts: &[&str], patience: Duration) -> String {
        let has_line = || {
            let said = self.stdout();
            said.lines().find(|line| texts.iter().all(|text| line.contains(text))).map(str::to_owned)
        };
        wait_for_or_say(&format!("a log line with {texts:?}"), patience, has_line, || self.said())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the server takes a signal");
    }

    /// Waits for it to end.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        wait_for("the server's end", patience, || self.child.try_wait().expect("a child"))
    }

    /// Ends it with SIGTERM and demands exit code 0.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.wait(PATIENCE);
        assert!(status.success(), "{status} after SIGTERM: {}", self.said());
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.wait(PATIENCE);
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// A connection.
    pub fn connect(&self) -> Connection {
        Connection::open(self.addr)
    }

    /// A connection from an address of this machine, such as 127.0.0.9.
    pub fn connect_from(&self, source: &str) -> Connection {
        Connection::open_from(source.parse().expect("an address"), self.addr)
    }

    /// A page of the admin port.
    pub fn admin_page(&self, path: &str) -> Response {
        Connection::open(self.admin).exchange(Request::get(path).header("Connection", "close"))
    }

    /// The sum of a metric's samples; `name` as the page prints it, with its suffix.
    pub fn metric(&self, name: &str) -> f64 {
        let page = self.admin_page("/metrics").text();
        let value = |line: &str| {
            let rest = line.strip_prefix(name)?;
            let rest = if rest.starts_with('{') { rest.split_once('}')?.1 } else { rest };
            rest.strip_prefix(' ')?.trim().parse::<f64>().ok()
        };
        let values: Vec<f64> = page.lines().filter_map(value).collect();
        assert!(!values.is_empty(), "no metric {name} in {page}");
        values.iter().sum()
    }

    /// Starts a session of the project with this key, and returns its token.
    pub fn start_session(&self, key: &str) -> String {
        let answer = self.connect().exchange(Request::start(key));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["token"].as_str().expect("a token").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
