//! A data folder, with what it takes to run servers and commands on it.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use takeup::session::SessionId;
use takeup::session::token::{Secrets, Token};

use super::command::{Finished, TAKEUP, finish, takeup};
use super::log::{self, Record, Stored};
use super::server::Server;
use super::wait::PATIENCE;

/// Rules that know one browser: a debug build takes seconds to compile the whole set.
const USER_AGENTS: &str = "user_agent_parsers:\n  - regex: '(Chrome)/(\\d+)'\n\
                           os_parsers:\n  - regex: '(Linux)'\n\
                           device_parsers:\n  - regex: '(NoSuchDevice)'\n";

/// One core and small segments, so that servers start quickly and many fit one machine.
const SETTINGS: &[(&str, &str)] = &[
    ("cores", "1"),
    ("segment_bytes", "8MiB"),
    ("window_bytes", "2MiB"),
    ("group_bytes_max", "2MiB"),
    ("insist_file_system", "true"),
];

/// A temporary folder for a data folder and for the output of the servers on it.
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

    /// The same, or the output of a server that did not start.
    pub fn try_serve(&self, settings: &[(&str, &str)]) -> Result<Server, String> {
        self.launch(takeup(&self.data), &self.with_usual(settings))
    }

    /// Starts a server with nothing but these settings, and waits until it listens.
    pub fn serve_plain(&self, settings: &[(&str, &str)]) -> Server {
        let started = self.launch(takeup(&self.data), settings);
        started.unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    /// The same as [`Home::serve`] with at most this many descriptors.
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
    pub fn serve_from_environment(&self, environment: &[(&str, &str)]) -> Server {
        let mut command = Command::new(TAKEUP);
        command.env_clear().stdin(Stdio::null()).arg("serve").env("TAKEUP_DATA", &self.data);
        command.env("UAPARSER_FILE", self.folder.path().join("regexes.yaml")).env("TAKEUP_INSIST_FILE_SYSTEM", "true");
        command.envs(environment.iter().copied());
        self.start(command).unwrap_or_else(|said| panic!("the server does not start: {said}"))
    }

    /// Starts a server as the recordings had theirs: with OpenReplay's variables, and with the rules for every browser. Waits until it answers
    /// starts; `key` is that of a web project.
    pub fn serve_recorded(&self, environment: &[(String, String)], key: &str) -> Server {
        let mut command = takeup(&self.data);
        command.envs([
            ("TAKEUP_CHECK_BODIES", "inline"),
            // A debug build on a busy machine is slow; other tests check how long a server waits.
            ("TAKEUP_PATIENCE", "60s"),
            ("TAKEUP_LOG_REQUESTS", "all"),
            ("TAKEUP_SEGMENT_BYTES", "32MiB"),
            ("TAKEUP_INSIST_FILE_SYSTEM", "true"),
        ]);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let started = self.launch::<&str>(command, &[]);
        let server = started.unwrap_or_else(|said| panic!("the server does not start: {said}"));
        server.wait_until_it_answers_starts(key);
        server
    }

    fn launch<T: AsRef<str>>(&self, mut command: Command, settings: &[(T, T)]) -> Result<Server, String> {
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        for (name, value) in settings {
            command.args(["--set", &format!("{}={}", name.as_ref(), value.as_ref())]);
        }
        self.start(command)
    }

    fn start(&self, command: Command) -> Result<Server, String> {
        let run = self.runs.replace(self.runs.get() + 1);
        let path = |name: &str| self.folder.path().join(format!("{name}.{run}"));
        Server::spawn(command, path("stdout"), path("stderr"))
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

    /// Starts a command on the data folder that runs until it is ended.
    pub fn follow(&self, arguments: &[&str]) -> Child {
        let mut command = takeup(&self.data);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    }

    /// The batches in the log, as `takeup replay --to -` prints them; those that were sent twice, too.
    pub fn stored(&self) -> Vec<Stored> {
        log::stored(&self.data)
    }

    /// All records in the log, in its order; those that were sent twice, too.
    pub fn records(&self) -> Vec<Record> {
        log::records(&self.data)
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
