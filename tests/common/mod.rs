//! A real server for tests: the binary itself, on an empty data folder and a free port.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A browser that is recognised.
pub const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36";

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
    pub admin: SocketAddr,
    pub data: PathBuf,
}

/// A port that was free a moment ago.
pub fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port")
}

impl Server {
    /// Starts the binary on `data` with settings `name=value`, and waits until it listens.
    pub fn start(data: &Path, settings: &[(&str, &str)]) -> Server {
        let (addr, admin) = (free_addr(), free_addr());
        let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
        command.env_clear();
        command.arg("--data").arg(data).arg("serve");
        command.args(["--listen", &addr.to_string(), "--admin", &admin.to_string()]);
        for (name, value) in settings {
            command.args(["--set", &format!("{name}={value}")]);
        }
        let out = std::fs::File::create(data.with_extension("out")).expect("a file for the output");
        command.stdout(out.try_clone().expect("a second handle")).stderr(out).stdin(Stdio::null());
        let child = command.spawn().expect("the binary runs");
        let mut server = Server { child, addr, admin, data: data.to_owned() };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(addr).is_err() {
            let ended = server.child.try_wait().expect("a child");
            assert!(ended.is_none() && Instant::now() < deadline, "the server does not listen: {}", server.output());
            std::thread::sleep(Duration::from_millis(2));
        }
        server
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("out")).unwrap_or_default()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for its end; the exit code, or none after a signal.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("a child").code()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// The key of the first project.
    pub fn project_key(&self) -> String {
        let text = std::fs::read_to_string(self.data.join("projects.toml")).expect("projects.toml is there");
        let line = text.lines().find(|line| line.starts_with("project_key")).expect("it has a key");
        line.split('"').nth(1).expect("in quotes").to_owned()
    }

    /// A connection.
    pub fn connect(&self) -> Client {
        Client::new(self.addr)
    }

    /// A page of the admin port.
    pub fn admin_page(&self, path: &str) -> (u16, String) {
        let mut client = Client::new(self.admin);
        let answer = client.exchange(&format!("GET {path} HTTP/1.1\r\nHost: admin\r\n\r\n"));
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// A token of a new session.
    pub fn token(&self) -> String {
        let body = format!(
            r#"{{"projectKey":"{}","trackerVersion":"19.0.1","timestamp":1,"userUUID":null}}"#,
            self.project_key()
        );
        let answer = self.connect().exchange(&start_request(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        json["token"].as_str().expect("a token").to_owned()
    }

    /// Runs another command of the binary on this data folder.
    pub fn takeup(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        takeup(&self.data, arguments)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of the binary on a data folder: exit code, stdout, stderr.
pub fn takeup(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_takeup"))
        .env_clear()
        .arg("--data")
        .arg(data)
        .args(arguments)
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A start request with this body.
pub fn start_request(body: &str) -> String {
    format!(
        "POST /v1/web/start HTTP/1.1\r\nHost: test\r\nUser-Agent: {USER_AGENT}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A batch request with this body.
pub fn batch_request(token: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/web/i?batch=1_1 HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> String {
        format!("{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

/// One connection that speaks bytes.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn new(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        Client { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the server takes it");
    }

    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// Reads an answer with a body.
    pub fn read(&mut self) -> Answer {
        self.try_read().expect("an answer")
    }

    /// Reads an answer, or nothing when the connection ends.
    pub fn try_read(&mut self) -> Option<Answer> {
        self.try_read_of("POST")
    }

    /// Reads an answer to a request of this method.
    pub fn try_read_of(&mut self, method: &str) -> Option<Answer> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if method != "HEAD" && status != 100 {
            answer.body = vec![0; length];
            self.stream.read_exact(&mut answer.body).ok()?;
        }
        Some(answer)
    }

    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.read()
    }

    /// Whether the server has closed the connection, waiting for it for a moment.
    pub fn is_closed_within(&mut self, time: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(time)).expect("a socket");
        let closed = matches!(self.stream.fill_buf(), Ok([]));
        self.stream.get_ref().set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        closed
    }
}
