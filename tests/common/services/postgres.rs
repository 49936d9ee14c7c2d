//! Postgres.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::certificate::Certificate;
use super::folder::{self, Folder};
use super::install;
use super::port::Port;
use super::process::{Process, Program, is_root};
use crate::common::fixtures;

/// The server refuses to run as root.
const USER: &str = "postgres";

/// The superuser's password, for the tests themselves.
const ADMIN_PASSWORD: &str = "6f1c";

/// The role that a server under test logs in with, which is also the name of its database.
const ROLE: &str = "openreplay";

/// Which tables are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Schema {
    /// None at all.
    None,
    /// Those of the older release (`seed.sql`).
    Seed,
    /// The same, and `unstarted_sessions`.
    SeedWithUnstarted,
    /// Those of the newer release (`main.sql`).
    #[default]
    Main,
}

/// How a Postgres is set up.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// The tables and the rows in them.
    pub schema: Schema,
    /// Takes TLS only.
    pub tls: bool,
    /// Where its data lies, such as a small disk that any user may enter. By default: in the system's temporary folder.
    pub within: Option<PathBuf>,
    /// More settings, such as `("max_connections", "5")`.
    pub settings: Vec<(&'static str, &'static str)>,
}

/// A Postgres server with the database `openreplay`. Its tables belong to the superuser; the role `openreplay` may read and write them.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: Port,
    options: PostgresOptions,
    is_replica: bool,
    folder: Folder,
}

impl Postgres {
    /// One with these tables.
    #[track_caller]
    pub fn new(schema: Schema) -> Postgres {
        Postgres::with(PostgresOptions { schema, ..PostgresOptions::default() })
    }

    /// One with these options.
    #[track_caller]
    pub fn with(options: PostgresOptions) -> Postgres {
        let postgres = Postgres::prepare(options, false);
        postgres.lay_out();
        postgres.start();
        postgres.make_database();
        postgres
    }

    /// A replica of this one: it takes no writes, and follows. `SELECT pg_wal_replay_pause()` lets it lag, `pg_wal_replay_resume()` catch up.
    #[track_caller]
    pub fn replica(&self) -> Postgres {
        let replica = Postgres::prepare(self.options.clone(), true);
        give_to_server(replica.folder.path());
        let (port, data) = (self.port().to_string(), replica.data().display().to_string());
        let arguments =
            ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-D", &data, "-R", "--checkpoint=fast", "--no-sync"];
        Program {
            name: "pg_basebackup",
            path: install::program("pg_basebackup"),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            environment: vec![("PGPASSWORD".to_owned(), ADMIN_PASSWORD.to_owned())],
            user: Some(USER),
            folder: replica.folder.path().to_owned(),
        }
        .finish();
        // The last one counts.
        let file = OpenOptions::new().append(true).open(replica.data().join("postgresql.auto.conf"));
        let port = format!("port = {}\n", replica.port());
        file.and_then(|mut file| file.write_all(port.as_bytes())).expect("the data is ours");
        replica.start();
        replica
    }

    /// One that has no data yet.
    fn prepare(options: PostgresOptions, is_replica: bool) -> Postgres {
        let port = Port::new();
        let folder = options.within.as_deref().map_or_else(Folder::new, Folder::within);
        let data = folder.path().join("data");
        let process = Process::new(Program {
            name: "postgres",
            path: install::program("postgres"),
            arguments: vec!["-D".to_owned(), data.display().to_string()],
            environment: Vec::new(),
            user: Some(USER),
            folder: folder.path().to_owned(),
        });
        Postgres { process, port, options, is_replica, folder }
    }

    /// An empty cluster with this one's settings.
    fn lay_out(&self) {
        folder::copy(&folder::template("postgres-1", initialise), &self.data());
        let mut settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nfsync = off\nshared_buffers = 16MB\n\
             max_connections = 50\nlog_line_prefix = '%m '\n",
            self.port()
        );
        let mut clients = "host";
        if self.options.tls {
            clients = "hostssl";
            let certificate = Certificate::server();
            self.install(&certificate.certificate(), "server.pem");
            self.install(&certificate.key(), "server.key");
            settings += "ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n";
        }
        for (name, value) in &self.options.settings {
            settings += &format!("{name} = '{value}'\n");
        }
        fs::write(self.data().join("postgresql.auto.conf"), settings).expect("the folder takes files");
        let access = format!("{clients} all,replication all 127.0.0.1/32 scram-sha-256\n");
        fs::write(self.data().join("pg_hba.conf"), access).expect("the folder takes files");
    }

    /// Puts a file into the data folder, readable by the server's user alone.
    fn install(&self, from: &Path, name: &str) {
        let mut command = Command::new("install");
        command.args(["-m", "600"]);
        if is_root() {
            command.args(["-o", USER, "-g", USER]);
        }
        let status = command.arg(from).arg(self.data().join(name)).status().expect("install runs");
        assert!(status.success(), "install {}: {status}", from.display());
    }

    fn make_database(&self) {
        let make = format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'; CREATE DATABASE {ROLE};");
        // Not by one call: a database cannot be created in a transaction.
        for statement in make.split_inclusive(';') {
            self.run("postgres", &[], statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        let files: &[&str] = match self.options.schema {
            Schema::None => &[],
            Schema::Seed => &["seed.sql"],
            Schema::SeedWithUnstarted => &["seed.sql", "unstarted.sql"],
            Schema::Main => &["main.sql"],
        };
        for name in files {
            let text = fs::read_to_string(fixtures("postgres").join(name)).expect("the schema is there");
            self.sql(&text);
        }
        self.sql(&format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE};\n\
             GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLE};"
        ));
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `POSTGRES_STRING` of the role `openreplay`, with `sslmode=disable`, or `sslmode=require` if it takes TLS only.
    pub fn url(&self) -> String {
        self.url_at(self.port())
    }

    /// The same at another port, such as that of a pooler.
    pub fn url_at(&self, port: u16) -> String {
        let mode = if self.options.tls { "require" } else { "disable" };
        format!("postgres://{ROLE}:{ROLE}@127.0.0.1:{port}/{ROLE}?sslmode={mode}")
    }

    /// Name and password of the role that a server under test logs in with; the name is also that of the database.
    pub fn role(&self) -> (&'static str, &'static str) {
        (ROLE, ROLE)
    }

    /// The folder with its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts it again.
    #[track_caller]
    pub fn start(&self) {
        self.process.start(|| self.run("postgres", &[], "SELECT 1").is_ok());
    }

    /// Asks it to end: it breaks off what its clients do.
    #[track_caller]
    pub fn stop(&self) {
        self.process.stop(Signal::INT);
    }

    /// Kills it. What was committed stays.
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

    /// Kills it, and starts it as it was at first: with the rows of its schema only. Not for a replica.
    #[track_caller]
    pub fn restart_empty(&self) {
        assert!(!self.is_replica, "it has what its primary has");
        self.kill();
        fs::remove_dir_all(self.data()).expect("the data is ours");
        self.lay_out();
        self.start();
        self.make_database();
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

    /// Runs statements by `psql`, as a superuser. The answer has a line for each row, with `|` between the columns. An error fails the test.
    #[track_caller]
    pub fn sql(&self, statements: &str) -> String {
        self.try_sql(statements).unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// The same, or what the server says against it; it begins with `ERROR:  ` and the SQLSTATE.
    pub fn try_sql(&self, statements: &str) -> Result<String, String> {
        self.run(ROLE, &[], statements)
    }

    /// The rows of a query, each an object of JSON as Postgres makes it: numbers as numbers, null as null.
    #[track_caller]
    pub fn rows(&self, query: &str) -> Vec<serde_json::Value> {
        let text = self.sql(&format!("SELECT row_to_json(r) FROM ({query}) r"));
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn run(&self, database: &str, arguments: &[&str], statements: &str) -> Result<String, String> {
        let mut command = Command::new(install::program("psql"));
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-h", "127.0.0.1", "-p"]);
        command.args([&self.port().to_string(), "-U", "postgres", "-d", database, "-c", statements]).args(arguments);
        command.env("PGPASSWORD", ADMIN_PASSWORD).env("PGCONNECT_TIMEOUT", "30");
        let output = command.output().expect("psql runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

/// A cluster without databases of its own.
fn initialise(folder: &Folder) {
    let password = folder.path().join("password");
    fs::write(&password, ADMIN_PASSWORD).expect("the folder takes files");
    give_to_server(folder.path());
    let made = folder.path().join("made").display().to_string();
    let password = format!("--pwfile={}", password.display());
    let arguments =
        ["-D", &made, "-U", "postgres", &password, "--auth=scram-sha-256", "--encoding=UTF8", "--wal-segsize=1"];
    Program {
        name: "initdb",
        path: install::program("initdb"),
        arguments: [&arguments[..], &["--locale=C.UTF-8", "--no-sync", "--no-instructions"]]
            .concat()
            .iter()
            .map(|a| (*a).to_owned())
            .collect(),
        environment: Vec::new(),
        user: Some(USER),
        folder: folder.path().to_owned(),
    }
    .finish();
}

/// Lets the server's user write in a folder.
fn give_to_server(folder: &Path) {
    if is_root() {
        let status = Command::new("chown").arg(USER).arg(folder).status().expect("chown runs");
        assert!(status.success(), "no user {USER}: run scripts/services");
    }
}
