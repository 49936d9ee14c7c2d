//! A person in every form that a client can send: each kind of record, each content coding, each way to say who it is.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::common::{BROWSER, Home, PATIENCE, Request, Response, Server, gzip, wait_for};
use crate::read::Archived;
use crate::readers;

use takeup::archive::lock::ArchiveLock;
use takeup::archive::place::Place;
use takeup::codec::inflate::Coding;
use takeup::erase::{Request as Erasure, Stage, Stores};

use super::batches::Field::{Number, Text};
use super::batches::{batch, message, phone_batch, phone_message};
use super::beside::{check_verified, erase, settings, wait_until_archived};
use super::no_server::NoServer;
use super::search::Traces;
use super::stored::Stored;

/// What is unlike in what two people send.
struct Person {
    user: &'static str,
    name: &'static str,
    url: &'static str,
    secret: &'static str,
    /// Sessions below this number are not this person's.
    first_session: u64,
}

const JANE: Person = Person {
    user: "jane.roe+7041@example.org",
    name: "Jane Quimby-Roe",
    url: "https://shop.example.org/orders/jane-7041",
    secret: "correct-horse-battery-staple-7041",
    first_session: 7_041_000_000_000_000_001,
};

const JOHN: Person = Person {
    user: "john.doe+1138@example.org",
    name: "John Fitz-Doe",
    url: "http://kettles.test/basket/john-1138",
    secret: "wrong-donkey-charger-clamp-1138",
    first_session: 1_138_000_000_000_000_001,
};

const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "web"
[[projects]]
project_id = 3
project_key = "ios"
platform = "ios"
[[projects]]
project_id = 5
project_key = "other"
[[ut_tests]]
test_id = 31
project_id = 1
title = "Buy a kettle"
status = "in-progress"
tasks = [{ task_id = 71, title = "Find it", allow_typing = true }]
"#;

/// The names of content codings, as a header has them.
const CODINGS: [&str; 5] = ["identity", "gzip", "deflate", "br", "zstd"];

fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "identity" => out.extend(bytes),
        "gzip" => out = gzip(bytes),
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::default());
            encoder.write_all(bytes).expect("memory takes all");
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 5, 22);
            encoder.write_all(bytes).expect("memory takes all");
        }
        "zstd" => out = zstd::bulk::compress(bytes, 3).expect("memory takes all"),
        other => panic!("no coding {other}"),
    }
    out
}

impl Person {
    /// What a browser sends of what this person does; with messages of its own behind.
    fn web(&self, number: u32, more: &[Vec<u8>]) -> Vec<u8> {
        let line = format!("{number}: {}", self.secret);
        let mut messages = vec![
            message(122, &[Text(self.url), Text(self.url), Number(0), Text(self.name)]),
            message(22, &[Text("log"), Text(&line)]),
            message(27, &[Text("signed in"), Text(&format!(r#"{{"e-mail":"{}"}}"#, self.user))]),
            message(
                83,
                &[
                    Text("fetch"),
                    Text("GET"),
                    Text(self.url),
                    Text(self.secret),
                    Text(self.name),
                    Number(200),
                    Number(1),
                ],
            ),
        ];
        messages.extend((0..20).map(|at| message(22, &[Text("log"), Text(&format!("{line} {at}"))])));
        messages.extend_from_slice(more);
        batch(self.url, &messages)
    }

    fn phone(&self, number: u32, more: &[Vec<u8>]) -> Vec<u8> {
        let line = format!("{number}: {} {}", self.secret, self.name);
        let mut messages: Vec<_> = (0..10).map(|_| phone_message(103, &[Text("info"), Text(&line)])).collect();
        messages.extend_from_slice(more);
        phone_batch(&messages)
    }
}

/// Who sends, what was sent, and by which sessions.
struct Sender<'a> {
    person: &'a Person,
    home: &'a Home,
    server: &'a Server,
    traces: Traces,
    sent: u64,
}

impl Sender<'_> {
    #[track_caller]
    fn send(&mut self, what: &str, request: Request) -> Response {
        let answer = wait_for("an answer that is not for later", PATIENCE, || {
            let answer = self.server.connect().exchange(&request);
            (answer.status != 503).then_some(answer)
        });
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        self.sent += 1;
        answer
    }

    /// A session that no start is known of, and its token.
    fn unknown(&mut self) -> String {
        let session = self.person.first_session + self.traces.sessions().len() as u64;
        self.traces.session(session);
        self.home.token(session)
    }

    fn begun(&mut self, answer: &Response) -> String {
        let told = answer.json();
        let session = told["sessionID"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        self.traces.session(session);
        told["token"].as_str().expect("a token").to_owned()
    }

    fn batch(&mut self, what: &str, token: &str, body: &[u8]) -> Request {
        // Of what is not compressed the person's texts are looked for: the rest is what others send, too.
        if Coding::begun(body).is_some() || what.contains("br") || what.contains("deflate") || what.contains("twice") {
            self.traces.body(what, body);
        }
        Request::batch(token, body).target(&format!("/v1/web/i?batch=1_{}", self.sent + 1))
    }

    /// A browser's session, from its start on.
    fn browser(&mut self) {
        let person = self.person;
        let start = Request::start("web").field("userID", person.user).field("revID", person.secret);
        let answer = self.send("start", start);
        let token = self.begun(&answer);
        for (number, coding) in (0..).zip(CODINGS) {
            let body = packed(coding, &person.web(number, &[]));
            let request = self.batch(coding, &token, &body).header("Content-Encoding", coding);
            self.send(coding, request);
        }
        // Compressed twice, and named so: the names of both are no coding, so these are plain bytes. And named as one, over the other.
        let inner = packed("zstd", &person.web(10, &[]));
        let twice = packed("br", &inner);
        self.traces.body("compressed twice, within", &inner);
        let request = self.batch("compressed twice", &token, &twice).header("Content-Encoding", "zstd, br");
        self.send("compressed twice", request);
        let request = self.batch("compressed twice, half named", &token, &twice).header("Content-Encoding", "br");
        self.send("compressed twice, half named", request);
        let inner = packed("gzip", &person.web(11, &[]));
        self.traces.body("packed by a proxy, within", &inner);
        let request =
            self.batch("packed by a proxy", &token, &packed("gzip", &inner)).header("Content-Encoding", "gzip");
        self.send("packed by a proxy", request);
        // A body that does not inflate.
        let broken = packed("gzip", &person.web(12, &[]));
        let request = self.batch("broken", &token, &broken[..broken.len() - 9]).header("Content-Encoding", "gzip");
        self.send("broken", request);
        // Two batches in one, for two topics.
        let (first, second) = (person.web(13, &[]), person.web(14, &[]));
        let request = self.batch("split", &token, &packed("gzip", &[first.clone(), second].concat()));
        let target = format!("/v1/web/i?batch=1_99&split={}", first.len());
        let request = request.target(&target).header("DataType", "visual").header("Content-Encoding", "gzip");
        self.send("split", request);
        let request = self.batch("assets", &token, &person.web(15, &[])).header("DataType", "assets");
        self.send("assets", request);
        // Images, and what a test with users was answered.
        let frames = frame(person.secret.as_bytes());
        self.send("canvas", form("/v1/web/images", &token, "1700000000_7.png.frames", &frames));
        let answer = json!({"testId": 31, "taskId": 71, "status": "done", "duration": 1, "timestamp": 1_795_570_090_930_u64,
            "taskAnswer": person.secret});
        let request =
            Request::post("/v1/web/uxt/signals/task").token(&token).header("User-Agent", BROWSER).json(&answer);
        self.send("signal", request);
        // The same page sends again what was lost: a record of its own.
        let request = Request::batch(&token, person.web(0, &[]));
        self.send("again", request);
    }

    /// Sessions that say who it is later, each in another way.
    fn named_later(&mut self) {
        let person = self.person;
        let user = Text(person.user);
        for (number, coding) in (20..).zip(CODINGS) {
            let token = self.unknown();
            let body = packed(coding, &person.web(number, &[message(28, &[user])]));
            let request = self.batch(coding, &token, &body).header("Content-Encoding", coding);
            self.send(coding, request);
        }
        for (number, named) in (30..).zip([message(29, &[user]), message(30, &[Text("customer"), user])]) {
            let token = self.unknown();
            let request = self.batch("named", &token, &person.web(number, &[named]));
            self.send("named", request);
        }
        // In the second of two batches, and packed without a label.
        let token = self.unknown();
        let (first, second) = (person.web(40, &[]), person.web(41, &[message(28, &[user])]));
        let request = self.batch("split", &token, &[first.clone(), second].concat());
        let request =
            request.target(&format!("/v1/web/i?batch=1_1&split={}", first.len())).header("DataType", "visual");
        self.send("split", request);
        let token = self.unknown();
        let request = self.batch("without its label", &token, &gzip(&person.web(42, &[message(28, &[user])])));
        self.send("without its label", request);
        // Behind more than the archive has events of: 8 KiB of each text are in `events`.
        let token = self.unknown();
        let long = message(22, &[Text("log"), Text(&person.secret.repeat(600))]);
        let request = self.batch("long", &token, &person.web(43, &[long, message(28, &[user])]));
        self.send("long", request);
    }

    /// A phone's session, and one that says later who it is.
    fn phones(&mut self) {
        let person = self.person;
        let start = json!({"projectKey": "ios", "trackerVersion": "1.0.10", "userDevice": "iPhone14,5", "revID": person.secret,
            "timestamp": 1_700_000_000_000_u64});
        let start = Request::post("/v1/mobile/start").header("User-Agent", "okhttp/4.12.0").json(&start);
        let answer = self.send("start of a phone", start);
        let token = self.begun(&answer);
        let post = |path: &str, token: &str, body: &[u8]| Request::post(path).token(token).body(body);
        let named = [phone_message(94, &[Text(person.user)])];
        let packed = gzip(&person.phone(50, &named));
        self.traces.body("phone", &packed);
        self.send("phone", post("/v1/mobile/i", &token, &packed).header("Content-Encoding", "gzip"));
        self.send("phone, late", post("/v1/mobile/late", &token, &person.phone(51, &[])));
        let frames = gzip(&frame(format!("screen of {}", person.secret).as_bytes()));
        self.send("screen", form("/v1/mobile/images", &token, "1700000000_1.tar.gz", &frames));
        for (number, named) in (60..)
            .zip([phone_message(95, &[Text(person.user)]), phone_message(92, &[Text("customer"), Text(person.user)])])
        {
            let token = self.unknown();
            self.send("phone, named", post("/v1/mobile/i", &token, &person.phone(number, &[named])));
        }
    }

    /// The analytics SDK: by its start, and by what it sends.
    fn sdk(&mut self) {
        let person = self.person;
        let start = json!({"projectKey": "web", "os": "Linux", "browser": "Chrome", "user_id": person.user,
            "initial_referrer": person.url, "utm_source": person.secret, "sdk_version": "1.2.3",
            "device_id": "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11"});
        let answer = self.send("start of the SDK", Request::post("/v1/sdk/start").json(&start));
        let token = answer.json()["token"].as_str().expect("a token").to_owned();
        self.traces.session(session_of(&token));
        let event =
            |said: &str| json!({"name": "bought", "payload": {"what": said}, "timestamp": 1_700_000_000_000_u64});
        let events = json!({"data": {"user_actions": [], "events": [event(person.secret)]}});
        self.send("events", Request::post("/v1/sdk/i").token(&token).json(&events));
        let identity = json!({"type": "identity", "user_id": person.user, "timestamp": 1_700_000_000_000_u64});
        let named = json!({"data": {"user_actions": [identity], "events": [event(person.url)]}});
        // An id within what an event says, which the archive has as a text.
        let within = json!({"events": [{"name": "bought", "payload": {"by": {"user_id": person.user}}}]});
        for (coding, said) in [("br", named), ("identity", within)] {
            let token = self.unknown();
            let body = packed(coding, said.to_string().as_bytes());
            if coding != "identity" {
                self.traces.body("SDK", &body);
            }
            self.send("SDK", Request::post("/v1/sdk/i").token(&token).body(body).header("Content-Encoding", coding));
        }
    }
}

fn session_of(token: &str) -> u64 {
    u64::from_str_radix(token.split('.').next().expect("a token has parts"), 36).expect("base 36")
}

fn frame(picture: &[u8]) -> Vec<u8> {
    [&1_700_000_000_000_u64.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
}

fn form(path: &str, token: &str, name: &str, file: &[u8]) -> Request {
    const BOUNDARY: &str = "----golden7MA4YWxk";
    let head = |disposition: &str| format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    let mut body = Vec::new();
    for (name, value) in [("type", "frames"), ("projectKey", "ios")] {
        body.extend(format!("{}{value}\r\n", head(&format!("name=\"{name}\""))).as_bytes());
    }
    body.extend(head(&format!("name=\"f\"; filename=\"{name}\"")).as_bytes());
    body.extend(file);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Request::post(path)
        .token(token)
        .header("Content-Type", &format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body)
}

/// Sends all forms of a person.
fn record<'a>(home: &'a Home, server: &'a Server, person: &'a Person) -> Sender<'a> {
    let traces = Traces::of(&[person.user, person.name, person.url, person.secret]);
    let mut sender = Sender { person, home, server, traces, sent: 0 };
    sender.browser();
    sender.named_later();
    sender.phones();
    sender.sdk();
    sender
}

fn not_started(server: &Server, key: &str) {
    let body = json!({"projectKey": key, "trackerVersion": "12.0.3", "doNotTrack": true});
    let answer =
        server.connect().exchange(Request::post("/v1/web/not-started").header("User-Agent", BROWSER).json(&body));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn sessions_of(receipt: &Value) -> Vec<u64> {
    let mut ids: Vec<u64> = receipt["session_ids"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|id| id.as_str().and_then(|id| id.parse().ok()).expect("an id"))
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_person_is_erased_in_every_form_and_coding_and_whoever_reads_the_archive_reads_on() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&settings("100ms"));
    not_started(&server, "web");
    let jane = record(&home, &server, &JANE);
    let john = record(&home, &server, &JOHN);
    let (jane, john) = (jane.traces, john.traces);
    // The person has the first session of all, and the last.
    let answer = server.connect().exchange(Request::start("web").field("userID", JANE.user));
    let mut jane = jane;
    jane.session(answer.json()["sessionID"].as_str().and_then(|id| id.parse().ok()).expect("an id"));
    wait_until_archived(&server);
    let before = Stored::read(home.data());
    for &session in jane.sessions().iter().chain(john.sessions()) {
        let (records, rows) = before.of(session);
        assert!(records > 0 && rows > records, "{session}: {records} records and {rows} rows");
    }
    assert!(jane.found(home.data()).len() > 5 && john.found(home.data()).len() > 5, "the search finds what is there");

    let erased = erase(&home, &server, &["--user", JANE.user]);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    let mut sessions = jane.sessions().to_vec();
    sessions.sort_unstable();
    assert_eq!(sessions_of(&erased.lines()[0]), sessions);
    assert_eq!(jane.found(home.data()), Vec::<String>::new());
    let left = before.without(|session, _| sessions.contains(&session));
    left.check_same(&Stored::read(home.data()));
    server.stop();
    check_verified(&home);

    let archived = Archived::read(home.data());
    for reader in ["duckdb", "pyarrow", "pandas"] {
        archived.check_seen(reader, &readers::read(reader, &home.data().join("archive")));
    }

    // A project, with what belongs to no session.
    let erased = home.takeup(&["erase", "--yes", "--json", "--project", "web"]);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    let of_web = sessions_of(&erased.lines()[0]);
    let left = left.without(|session, project| project == 1 || of_web.contains(&session));
    left.check_same(&Stored::read(home.data()));
    assert!(!left.records.is_empty() && left.records.values().all(|((_, project), _)| *project != 1));
    check_verified(&home);
}

#[test]
fn the_archive_alone_names_the_sessions_of_a_user_that_the_log_did() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&settings("100ms"));
    let jane = record(&home, &server, &JANE).traces;
    let john = record(&home, &server, &JOHN).traces;
    wait_until_archived(&server);
    server.stop();
    let mut sessions = jane.sessions().to_vec();
    sessions.sort_unstable();
    let find = || {
        let found = home.takeup(&["erase", "--dry-run", "--json", "--user", JANE.user]);
        assert_eq!(found.code, Some(0), "{found:?}");
        found.lines().remove(0)
    };
    assert_eq!(sessions_of(&find()), sessions, "by the log and the archive");
    // What has left the log: here, all.
    fs::remove_dir_all(home.data().join("log")).expect("the log is there");
    home.serve(&settings("1h")).stop();
    let before = Stored::read(home.data());
    let receipt = find();
    assert_eq!(sessions_of(&receipt), sessions, "by the archive alone");
    assert_eq!(receipt["search"]["by_archive"], sessions.len());
    let erased = home.takeup(&["erase", "--yes", "--json", "--user", JANE.user]);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert_eq!(jane.found(home.data()), Vec::<String>::new());
    before.without(|session, _| sessions.contains(&session)).check_same(&Stored::read(home.data()));
    assert!(!john.found(home.data()).is_empty());
}

#[test]
fn the_archives_lock_is_free_while_a_user_is_looked_for_and_what_is_merged_meanwhile_is_looked_into() {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&settings("100ms"));
    let jane = record(&home, &server, &JANE).traces;
    record(&home, &server, &JOHN);
    wait_until_archived(&server);
    server.stop();
    fs::remove_dir_all(home.data().join("log")).expect("the log is there");
    home.serve(&settings("1h")).stop();

    let lock = Place::in_data(home.data()).lock();
    let mut looks = 0;
    let mut tell = |stage: Stage| {
        if !matches!(stage, Stage::ArchiveSearch(..)) {
            return;
        }
        let taken = ArchiveLock::try_take(&lock).expect("the lock is there");
        assert!(taken.is_some(), "nobody has the lock");
        drop(taken);
        if looks == 0 {
            let merged = home.takeup(&["compact", "--merge", "all"]);
            assert_eq!(merged.code, Some(0), "{merged:?}");
        }
        looks += 1;
    };
    let request = Erasure { users: [JANE.user.to_owned()].into(), ..Erasure::default() };
    let receipt = takeup::erase::erase(home.data(), &request, &Stores::default(), &mut NoServer, &mut tell);
    let receipt = receipt.expect("it ends");
    assert!(looks > 1);
    assert!(receipt.complete, "{receipt:?}");
    assert_eq!(receipt.sessions, jane.sessions().len() as u64);
    assert_eq!(jane.found(home.data()), Vec::<String>::new());
}
