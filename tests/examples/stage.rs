//! The folder in which examples are pasted: a data folder with what they name, and the services on loopback that they ask.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

#[cfg(feature = "kafka")]
use crate::common::services::Kafka;
use crate::common::services::{Redis, S3};
use crate::common::{Home, PATIENCE, Request, Server, fixtures, wait_for};

/// The session that examples name.
pub const SESSION: u64 = 2_691_351_900_602_760_960;

/// A capture with clicks, and with whatever else examples look for.
const CAPTURE: &str = "captures/19.0.1-journey.jsonl";

/// So many records are refused by Redis's courier; examples name up to the fifth.
const DEAD_LETTERS: usize = 6;

/// Whether this build can run an example.
pub fn can_run(example: &str) -> bool {
    cfg!(feature = "kafka") || !example.contains("kafka://")
}

/// A folder, ready.
pub struct Stage {
    home: Home,
    server: Option<Server>,
    _other: Option<(Home, Server)>,
    _redis: Option<Redis>,
    _s3: Option<S3>,
    #[cfg(feature = "kafka")]
    _kafka: Option<Kafka>,
    environment: Vec<(String, String)>,
    /// What examples say, and what takes its place.
    places: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Sets the stage for the examples of a page, with a copy of what was recorded.
    pub fn set(recorded: &Home, examples: &[String]) -> Stage {
        let names = |what: &str| examples.iter().any(|example| example.contains(what));
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let path = folder.path();
        fs::create_dir(path.join("bin")).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_takeup"), path.join("bin/takeup")).expect("a link");
        let data = path.join("takeup-data");
        crate::common::services::copy(recorded.data(), &data);
        let home = Home::with_data(&data);
        let mut environment = vec![
            ("PATH".to_owned(), format!("{}:/usr/local/bin:/usr/bin:/bin", path.join("bin").display())),
            ("HOME".to_owned(), path.display().to_string()),
            // Of the system's choice, so that examples can run side by side.
            ("TAKEUP_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("TAKEUP_INSIST_FILE_SYSTEM".to_owned(), "true".to_owned()),
        ];
        let mut places = vec![("0.0.0.0:8080", "127.0.0.1:0".to_owned())];
        let mut settings: Vec<(&str, String)> = Vec::new();

        let redis = ["redis", "couriers"].into_iter().any(names).then(Redis::new);
        if let Some(redis) = &redis {
            places.push(("127.0.0.1:6379", format!("127.0.0.1:{}", redis.port())));
            environment.push(("TAKEUP_REDIS_STRING".to_owned(), redis.url()));
            settings.push(("redis_string", redis.url()));
        }
        if names("courier-redis") {
            refuse(&home, &settings);
        }
        let s3 = names("s3://").then(S3::new);
        if let Some(s3) = &s3 {
            places.push(("s3://backups/", format!("s3://{}/", s3.bucket())));
            let keys = s3.environment().into_iter().filter(|(name, _)| *name != "BUCKET_NAME");
            environment.extend(keys.map(|(name, value)| (name.to_owned(), value)));
            if names("restore") {
                upload(&home, s3);
            }
        }
        if ["verify --archive", "stats --archive", "--archive s3://"].into_iter().any(names) {
            archive(&home, s3.as_ref());
        }
        #[cfg(feature = "kafka")]
        let kafka = names("kafka://").then(Kafka::new);
        #[cfg(feature = "kafka")]
        if let Some(kafka) = &kafka {
            places.push(("127.0.0.1:9092", kafka.servers()));
        }
        if names("/dev/sdb1") {
            places.push(("/dev/sdb1", disk_of(&home, path).display().to_string()));
        }
        if names("remove backup") && !names("add backup") {
            assert_eq!(home.takeup(&["consumers", "add", "backup", "--from", "start"]).code, Some(0));
        }
        if names("assets push") {
            let folder = path.join("dist/css");
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join("a.css"), "a { color: red }").expect("a file");
        }
        if names("--segment") {
            let segments = home.takeup(&["inspect", "--json"]).lines();
            places.push(("01764042067000000", segments[0]["segment"].as_str().expect("an id").to_owned()));
        }
        let other = names(":9090").then(|| serve_other(path));
        if let Some((_, server)) = &other {
            places.push(("127.0.0.1:9090", server.addr.to_string()));
        }
        let is_asked =
            ["127.0.0.1:8080", "takeup admin", "takeup couriers", "takeup tail", "takeup top"].into_iter().any(names);
        let server = is_asked.then(|| {
            let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            home.serve(&settings)
        });
        if let Some(server) = &server {
            places.push(("127.0.0.1:8080", server.addr.to_string()));
            places.push(("127.0.0.1:8888", server.admin.to_string()));
        }
        let admin = server.as_ref().map_or_else(|| "127.0.0.1:0".to_owned(), |server| server.admin.to_string());
        environment.push(("TAKEUP_ADMIN".to_owned(), admin));
        Stage {
            home,
            server,
            _other: other,
            _redis: redis,
            _s3: s3,
            #[cfg(feature = "kafka")]
            _kafka: kafka,
            environment,
            places,
            folder,
        }
    }

    /// Where examples are pasted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The environment of the shell.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// An example as it is pasted here.
    pub fn fit(&self, example: &str) -> String {
        self.places.iter().fold(example.to_owned(), |example, (name, place)| example.replace(name, place))
    }

    /// Has the server take a batch, if there is one, so that who follows the log sees something.
    pub fn go_on(&self) {
        if let Some(server) = &self.server {
            let token = server.start_session(&self.home.project_key());
            let answer = server.connect().exchange(Request::batch(&token, "one more"));
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
}

/// A data folder with a recorded session of the id that examples name, other sessions, and a recording.
pub fn record() -> Home {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(SESSION);
    let text = fs::read_to_string(fixtures(CAPTURE)).expect("the captures are there");
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let path = line["target"].as_str().and_then(|target| target.split('?').next());
        let is_stored = matches!(path, Some("/v1/web/i" | "/v1/web/images"));
        if !is_stored || line["method"] != "POST" || line["answer"]["status"] != 200 {
            continue;
        }
        let body = STANDARD.decode(line["body_b64"].as_str().expect("a body")).expect("base64");
        let request = Request::post(line["target"].as_str().expect("a target")).without("Host").body(&body);
        let headers: Vec<(String, String)> = serde_json::from_value(line["headers"].clone()).expect("pairs of texts");
        let request = headers.iter().fold(request.unframed(), |request, (name, value)| request.header(name, value));
        let answer = server.connect().exchange(request.set("Authorization", &format!("Bearer {token}")));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for number in 0..5 {
        let token = server.start_session(&home.project_key());
        // One that does not inflate: a session with malformed batches.
        let answer = server.connect().exchange(Request::batch(&token, format!("session {number}")));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    upload_recording(&server, &token);
    server.stop();
    home
}

fn upload_recording(server: &Server, token: &str) {
    let answer = server.connect().exchange(Request::get("/v1/web/uxt/upload-url").token(token));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = answer.json()["url"].as_str().expect("a URL").to_owned();
    let path = format!("/{}", url.splitn(4, '/').nth(3).expect("it has a path"));
    let film = Request::put(&path, "a film").header("Content-Type", "video/webm");
    let answer = server.connect().exchange(film);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Records what the courier can't deliver, under a limit that is lower than the usual one.
fn refuse(home: &Home, settings: &[(&str, String)]) {
    let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("queue_message_size_limit", "20000"));
    let server = home.serve(&settings);
    let token = home.token(SESSION);
    for number in 0..DEAD_LETTERS {
        let answer = server.connect().exchange(Request::batch(&token, format!("{number}").repeat(50_000)));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let letters = home.data().join("dead-letters/courier-redis.ndjson");
    wait_for("dead letters", 2 * PATIENCE, || {
        let lines = fs::read_to_string(&letters).unwrap_or_default().lines().count();
        (lines >= DEAD_LETTERS).then_some(())
    });
    server.stop();
}

/// Makes an archive of the log, with a copy in the bucket.
fn archive(home: &Home, s3: Option<&S3>) {
    let environment = s3.map(S3::environment).unwrap_or_default();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
    let copy = s3.map(|s3| format!("s3://{}/archive", s3.bucket()));
    let store = copy.iter().flat_map(|url| ["--store", url]);
    let arguments: Vec<_> = ["compact"].into_iter().chain(store).collect();
    let compacted = home.takeup_in(&environment, &arguments);
    assert_eq!(compacted.code, Some(0), "{}", compacted.stderr);
}

/// Copies the log's segments to the bucket.
fn upload(home: &Home, s3: &S3) {
    let environment = s3.environment();
    let value = |name: &str| environment.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
    let settings = [
        ("segments_url", format!("s3://{}/takeup", s3.bucket())),
        ("aws_endpoint", value("AWS_ENDPOINT").to_owned()),
        ("aws_region", value("AWS_REGION").to_owned()),
        ("aws_access_key_id", value("AWS_ACCESS_KEY_ID").to_owned()),
        ("aws_secret_access_key", value("AWS_SECRET_ACCESS_KEY").to_owned()),
    ];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = home.serve(&settings);
    wait_for("a segment in the bucket", 2 * PATIENCE, || (!s3.keys().is_empty()).then_some(()));
    server.stop();
}

/// A file with the bytes of a disk on which the log was.
fn disk_of(home: &Home, folder: &Path) -> PathBuf {
    let disk = folder.join("disk.img");
    let mut bytes = vec![0; 1 << 20];
    let cores = fs::read_dir(home.data().join("log")).expect("a log").flatten().filter(|entry| entry.path().is_dir());
    for core in cores.filter(|entry| entry.file_name().to_string_lossy().starts_with("core-")) {
        for file in fs::read_dir(core.path()).expect("a folder").flatten() {
            if file.path().extension().is_some_and(|ending| ending == "seg") {
                bytes.extend(fs::read(file.path()).expect("a segment"));
            }
        }
    }
    fs::write(&disk, bytes).expect("a disk");
    disk
}

/// Another server, whose data folder examples call `other`. It knows the project of the first.
fn serve_other(folder: &Path) -> (Home, Server) {
    let data = folder.join("other");
    fs::create_dir(&data).expect("a folder");
    fs::copy(folder.join("takeup-data/projects.toml"), data.join("projects.toml")).expect("a file");
    let home = Home::with_data(&data);
    let server = home.serve(&[]);
    (home, server)
}
