//! A real server for tests: the binary itself, on a data folder of its own and on ports that the
//! system chooses.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

mod client;
mod disk;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use client::{Answer, BROWSER, Client, batch, batch_request, start_request, start_request_of};
pub use disk::Disk;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use takeup::session::SessionId;
use takeup::session::token::{Secrets, Token};

/// How long anything may take that should be quick. A debug build on a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary.
const TAKEUP: &str = env!("CARGO_BIN_EXE_takeup");

/// Expressions that know one browser: a debug build compiles the whole set for seconds.
const USER_AGENTS: &str = "user_agent_parsers:\n  - regex: '(Chrome)/(\\d+)'\n\
                           os_parsers:\n  - regex: '(Linux)'\n\
                           device_parsers:\n  - regex: '(NoSuchDevice)'\n";

/// One core and small segments, so that starts are quick and many servers fit one machine.
const SETTINGS: &[(&str, &str)] = &[
    ("cores", "1"),
    ("segment_bytes", "8MiB"),
    ("window_bytes", "2MiB"),
    ("group_bytes_max", "2MiB"),
    ("insist_file_system", "true"),
];

/// Waits until `done` gives something, at most for `patience`.
#[track_caller]
pub fn wait_for<T>(what: &str, patience: Duration, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "waited {patience:?} in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A place for a data folder and for what the servers on it print, removed at the end.
pub struct Home {
    folder: tempfile::TempDir,
    data: PathBuf,
    runs: Cell<u32>,
}

impl Home {
    /// An empty place.
    pub fn new() -> Home {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let data = folder.path().join("data");
        fs::write(folder.path().join("regexes.yaml"), USER_AGENTS).expect("the folder takes files");
        Home { folder, data, runs: Cell::new(0) }
    }

    /// The same, with the data folder somewhere else.
    pub fn with_data(data: &Path) -> Home {
        Home { data: data.to_owned(), ..Home::new() }
    }

    /// A place whose data folder has these projects already.
    pub fn with_projects(text: &str) -> Home {
        let home = Home::new();
        fs::create_dir(&home.data).expect("a data folder");
        home.write("projects.toml", text);
        home
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Puts a whole file into the data folder in place of an old one.
    pub fn write(&self, name: &str, text: &str) {
        let draft = self.data.join(format!(".{name}.draft"));
        fs::write(&draft, text).expect("the data folder takes files");
        fs::rename(&draft, self.data.join(name)).expect("a file can be replaced");
    }

    /// Starts a server with settings of the test's own, and waits until it listens.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Server {
        self.try_serve(settings).unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    /// The same, or what a server said that did not start.
    pub fn try_serve(&self, settings: &[(&str, &str)]) -> Result<Server, String> {
        self.launch(takeup(&self.data), &self.with_usual(settings))
    }

    /// Starts a server with nothing but these settings, and waits until it listens.
    pub fn serve_plain(&self, settings: &[(&str, &str)]) -> Server {
        let started = self.launch(takeup(&self.data), settings);
        started.unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    /// The same as [`Home::serve`] with at most so many descriptors.
    pub fn serve_with_descriptors(&self, descriptors: u32, settings: &[(&str, &str)]) -> Server {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" \"$@\""), TAKEUP]);
        command.env_clear().stdin(Stdio::null()).arg("--data").arg(&self.data);
        let started = self.launch(command, &self.with_usual(settings));
        started.unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    fn with_usual(&self, settings: &[(&str, &str)]) -> Vec<(String, String)> {
        let regexes = self.folder.path().join("regexes.yaml").display().to_string();
        let regexes = [("uaparser_file", &*regexes)];
        let all = SETTINGS.iter().chain(&regexes).chain(settings);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Starts a server that is told everything by its environment, and waits until it listens.
    pub fn serve_in(&self, environment: &[(&str, &str)]) -> Server {
        let mut command = Command::new(TAKEUP);
        command.env_clear().stdin(Stdio::null()).arg("serve").env("TAKEUP_DATA", &self.data);
        command.env("UAPARSER_FILE", self.folder.path().join("regexes.yaml")).env("TAKEUP_INSIST_FILE_SYSTEM", "true");
        command.envs(environment.iter().copied());
        self.start(command).unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    fn launch<T: AsRef<str>>(&self, mut command: Command, settings: &[(T, T)]) -> Result<Server, String> {
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        for (name, value) in settings {
            command.args(["--set", &format!("{}={}", name.as_ref(), value.as_ref())]);
        }
        self.start(command)
    }

    fn start(&self, mut command: Command) -> Result<Server, String> {
        let run = self.runs.replace(self.runs.get() + 1);
        let path = |name: &str| self.folder.path().join(format!("{name}.{run}"));
        let file = |name: &str| File::create(path(name)).expect("the folder takes files");
        command.stdout(file("stdout")).stderr(file("stderr"));
        let began = Instant::now();
        let child = command.spawn().expect("the binary runs");
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server {
            child,
            addr: unknown,
            admin: unknown,
            data: self.data.clone(),
            stdout: path("stdout"),
            stderr: path("stderr"),
            began,
        };
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

    /// Runs `takeup serve`, which is expected to fail soon.
    pub fn serve_in_vain(&self, arguments: &[&str]) -> Finished {
        let mut command = takeup(&self.data);
        command.args(["serve", "--set", "admin=127.0.0.1:0", "--set", "insist_file_system=true"]).args(arguments);
        finish(command, Duration::from_secs(10))
    }

    /// Runs another command on the data folder.
    pub fn takeup(&self, arguments: &[&str]) -> Finished {
        let mut command = takeup(&self.data);
        command.args(arguments);
        finish(command, PATIENCE)
    }

    /// Runs another command on the data folder, with these variables.
    pub fn takeup_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Finished {
        let mut command = takeup(&self.data);
        command.envs(environment.iter().copied()).args(arguments);
        finish(command, PATIENCE)
    }

    /// Starts another command on the data folder, one that goes on until it is ended.
    pub fn follow(&self, arguments: &[&str]) -> Child {
        let mut command = takeup(&self.data);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    }

    /// The batches in the log, as `takeup replay --to -` prints them; those that were sent twice, too.
    pub fn stored(&self) -> Vec<Stored> {
        let finished = self.takeup(&["replay", "--to", "-", "--with-repeats"]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished.stdout.lines().map(Stored::read).collect()
    }

    /// The key of the first project.
    pub fn project_key(&self) -> String {
        let text = fs::read_to_string(self.data.join("projects.toml")).expect("projects.toml is there");
        let line = text.lines().find(|line| line.starts_with("project_key")).expect("it has a key");
        line.split('"').nth(1).expect("in quotes").to_owned()
    }

    /// A token for any session, signed with the data folder's own secret.
    pub fn token(&self, session: u64) -> String {
        let secret = fs::read_to_string(self.data.join("secrets/token")).expect("a secret is there");
        let secrets = Secrets::new(vec![secret.trim().as_bytes().to_vec()]).expect("it is not empty");
        secrets.sign(&Token { session: SessionId(session), delay_ms: 0, expires_ms: 4_000_000_000_000 })
    }
}

/// A batch in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where its record is.
    pub id: String,
    /// The session.
    pub session: u64,
    /// The project, 0 when it was not known.
    pub project: u64,
    /// Where its body came from: the line without id, time and project.
    pub line: Value,
    /// The body as received.
    pub body: Vec<u8>,
}

impl Stored {
    fn read(line: &str) -> Stored {
        let mut line: Value = serde_json::from_str(line).expect("NDJSON");
        let object = line.as_object_mut().expect("each line is an object");
        let mut take = |key: &str| object.remove(key).unwrap_or_else(|| panic!("a batch has {key}"));
        take("received_us");
        let (id, project, body) = (take("id"), take("project_id"), take("body"));
        let session = line["session_id"].as_str().and_then(|id| id.parse().ok());
        Stored {
            id: id.as_str().expect("an id is a text").to_owned(),
            session: session.expect("a session is a number in a text"),
            project: project.as_u64().expect("a project is a number"),
            body: STANDARD.decode(body.as_str().expect("a body is a text")).expect("a body is base64"),
            line,
        }
    }
}

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    /// Where clients reach it.
    pub addr: SocketAddr,
    /// Its admin port.
    pub admin: SocketAddr,
    data: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
    began: Instant,
}

impl Server {
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

    /// The addresses that it says it listens on, once it has said so.
    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        let text = self.stderr();
        let behind = |marker: &str| {
            let rest = text.split(marker).nth(1)?;
            rest.split([' ', ',']).next()?.parse().ok()
        };
        // The line behind the addresses tells that both have been written whole.
        text.contains(", data in ").then_some(())?;
        Some((behind("listens on http://")?, behind("metrics and health on http://")?))
    }

    /// Waits for a log line that has all these texts.
    #[track_caller]
    pub fn wait_for_line(&self, texts: &[&str], patience: Duration) -> String {
        wait_for(&format!("a log line with {texts:?}"), patience, || {
            let said = self.stdout();
            said.lines().find(|line| texts.iter().all(|text| line.contains(text))).map(str::to_owned)
        })
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the server takes a signal");
    }

    /// Waits for its end.
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
    pub fn connect(&self) -> Client {
        Client::new(self.addr)
    }

    /// A connection from an address of this machine's own, such as 127.0.0.9.
    pub fn connect_from(&self, source: &str) -> Client {
        Client::from(source.parse().expect("an address"), self.addr)
    }

    /// A page of the admin port.
    pub fn admin_page(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
        Client::new(self.admin).exchange(request)
    }

    /// The sum of a metric's samples; `name` as it stands in the page, with its suffix.
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

    /// Starts a session of the project with this key, and gives its token.
    pub fn start_session(&self, key: &str) -> String {
        let answer = self.connect().exchange(start_request(key));
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

/// What a command came to.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it printed for programs.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
}

impl Finished {
    /// The lines of its output, as JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect()
    }
}

fn takeup(data: &Path) -> Command {
    let mut command = Command::new(TAKEUP);
    command.env_clear().stdin(Stdio::null()).arg("--data").arg(data);
    command
}

/// Runs a command to its end. One that does not end is killed.
fn finish(mut command: Command, patience: Duration) -> Finished {
    let file = || tempfile::tempfile().expect("a temporary file");
    let (mut stdout, mut stderr) = (file(), file());
    let handle = |file: &File| file.try_clone().expect("a second handle");
    let mut child = command.stdout(handle(&stdout)).stderr(handle(&stderr)).spawn().expect("the binary runs");
    let end = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > end {
            child.kill().and_then(|()| child.wait()).expect("a child can be killed");
            panic!("{command:?} does not end: {}", text(&mut stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Finished { code: status.code(), stdout: text(&mut stdout), stderr: text(&mut stderr) }
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("the output is UTF-8");
    text
}
