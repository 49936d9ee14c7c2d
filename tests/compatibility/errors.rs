//! Every row of the page's table of errors has a request here, and its answer has to be what the row says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::page::code;
use crate::common::token::{self, Token};
use crate::common::{BROWSER, Home, Request, Response, Server, gzip};

const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "web"

[[projects]]
project_id = 2
project_key = "rate0"
sample_rate = 0

[[projects]]
project_id = 3
project_key = "ios"
platform = "ios"

[[projects]]
project_id = 4
project_key = "ios-rate0"
platform = "ios"
sample_rate = 0

[[ut_tests]]
test_id = 1
project_id = 2
title = "of another project"
status = "in-progress"
tasks = [{ title = "a task" }]

[[ut_tests]]
test_id = 2
project_id = 1
title = "of this project"
status = "in-progress"
tasks = [{ title = "a task" }]
"#;

/// A row, by its route and its "when".
type Row = (&'static str, &'static str);

/// The row of clients over a limit; the other rows are asked of a server without limits.
const OVER_A_LIMIT: Row = ("any start or upload", "over a limit on clients, with `admission = \"on\"`");

/// What requests are made with.
struct World {
    secret: String,
    /// A session of project 1.
    session: u64,
}

impl World {
    fn of(home: &Home, server: &Server) -> World {
        let secret = std::fs::read_to_string(home.data().join("secrets/token")).expect("a secret is there");
        let token = server.start_session("web");
        let session = Token::read(&token).expect("a start gives a token").session;
        World { secret: secret.trim().to_owned(), session }
    }

    fn token(&self, session: u64, in_ms: i64) -> String {
        let token = Token { session, delay_ms: 0, expires_ms: token::now_ms() + in_ms };
        format!("Bearer {}", token.sign(&self.secret))
    }

    fn good(&self) -> String {
        self.token(self.session, 3_600_000)
    }

    fn batch(&self, query: &str, body: &[u8]) -> Request {
        Request::post(&format!("/v1/web/i{query}")).body(body).header("Authorization", &self.good())
    }

    fn visual(&self, query: &str) -> Request {
        self.batch(query, b"QQQQQQQQabc").header("DataType", "visual")
    }
}

fn web_start(body: &str) -> Request {
    Request::post("/v1/web/start").body(body).header("User-Agent", BROWSER)
}

const KNOWN: &str = r#"{"projectKey":"web","trackerVersion":"19.0.1"}"#;

/// The request for each row, by its route and its "when".
fn requests(world: &World) -> BTreeMap<Row, Request> {
    let all =
        [requests_of_pages(world), requests_of_forms(world), requests_of_images(world), requests_of_phones(world)];
    all.into_iter().flatten().collect()
}

/// The same for pages' starts and batches, and for tokens.
fn requests_of_pages(world: &World) -> Vec<(Row, Request)> {
    let tags = |token: String| Request::new("GET", "/v1/web/tags").header("Authorization", &token);
    let gzipped = |body: Vec<u8>| web_start("").body(body).header("Content-Encoding", "gzip");
    vec![
        (("any with a token", "no token, or no `Bearer ` before it"), tags("bearer x".into())),
        (("any with a token", "not four parts"), tags("Bearer a.b.c".into())),
        (("any with a token", "signature"), tags("Bearer 1.0.1gcmxpmo0.11".into())),
        (
            ("any with a token", "signed numbers that are none"),
            tags(format!("Bearer {}", token::sign("!.0.1gcmxpmo0", &world.secret))),
        ),
        (("any with a token", "expired"), tags(world.token(world.session, -60_000))),
        (("/v1/web/tags", "expired less than 30 s ago"), tags(world.token(world.session, -10_000))),
        (
            ("/v1/web/i", "expired less than 30 s ago"),
            Request::post("/v1/web/i").body("Q").header("Authorization", &world.token(world.session, -10_000)),
        ),
        (("any", "the length is over the limit of the route"), web_start("").length(200_000)),
        (("any", "the body comes too slowly"), web_start("").length(100)),
        (("/v1/web/start", "gzip that is none"), gzipped(b"this is no gzip at all".to_vec())),
        (("/v1/web/start", "gzip that ends early"), {
            let whole = gzip(KNOWN.as_bytes());
            gzipped(whole[..whole.len() - 4].to_vec())
        }),
        (("/v1/web/start", "no body, or a cut one"), web_start("")),
        (("/v1/web/start", "no JSON"), web_start("x")),
        (("/v1/web/start", "a field of another type"), web_start(r#"{"projectKey":5}"#)),
        (("/v1/web/start", "a tracker before 6.0.0, or no version"), web_start(r#"{"projectKey":"web"}"#)),
        (("/v1/web/start", "no project key"), web_start(r#"{"trackerVersion":"19.0.1"}"#)),
        (
            ("/v1/web/start", "no such project, or not active"),
            web_start(r#"{"projectKey":"none","trackerVersion":"19.0.1"}"#),
        ),
        (
            ("/v1/web/start", "a project of another platform"),
            web_start(r#"{"projectKey":"ios","trackerVersion":"19.0.1"}"#),
        ),
        (("/v1/web/start", "a crawler, or no user agent"), Request::post("/v1/web/start").body(KNOWN)),
        (("/v1/web/start", "left out by the rate"), web_start(r#"{"projectKey":"rate0","trackerVersion":"19.0.1"}"#)),
        (("/v1/web/i", "a `split` that is no number"), world.visual("?split=x")),
        (("/v1/web/i", "a `split` outside the body"), world.visual("?split=11")),
        (("/v1/web/i", "a `split` in the middle of a batch"), world.visual("?split=9")),
        (
            ("/v1/web/i", "does not inflate (`check_bodies = \"inline\"`)"),
            world.batch("", b"this is no gzip at all").header("Content-Encoding", "gzip"),
        ),
    ]
}

/// The same for the smaller routes of browsers.
fn requests_of_forms(world: &World) -> Vec<(Row, Request)> {
    let known = |path: &str, body: &str| Request::post(path).body(body).header("Authorization", &world.good());
    let get = |path: &str, session| Request::new("GET", path).header("Authorization", &world.token(session, 3_600_000));
    let not_started = |body: &str| web_start(body).target("/v1/web/not-started");
    let (flags, test, task) = ("/v1/web/feature-flags", "/v1/web/uxt/signals/test", "/v1/web/uxt/signals/task");
    vec![
        (("/v1/web/not-started", "another type of a field"), not_started(r#"{"projectKey":"web","DoNotTrack":"yes"}"#)),
        (("/v1/web/not-started", "no project key"), not_started("{}")),
        (("/v1/web/not-started", "no such project, or not active"), not_started(r#"{"projectKey":"none"}"#)),
        (
            ("/v1/web/not-started", "a crawler, or no user agent"),
            Request::post("/v1/web/not-started").body(r#"{"projectKey":"web"}"#),
        ),
        ((flags, "a good token, and no JSON"), known(flags, "")),
        (("/v1/web/conditions/{project}", "a project that is no number"), get("/v1/web/conditions/abc", world.session)),
        (("/v1/web/uxt/test/{id}", "a session that is not known"), get("/v1/web/uxt/test/1", 17)),
        (("/v1/web/uxt/test/{id}", "no such test, or not open"), get("/v1/web/uxt/test/99", world.session)),
        (("/v1/web/uxt/test/{id}", "an id that is no number"), get("/v1/web/uxt/test/abc", world.session)),
        (("/v1/web/uxt/test/{id}", "a test of another project"), get("/v1/web/uxt/test/1", world.session)),
        ((test, "no JSON"), known(test, "")),
        ((test, "a status other than `begin`, `done`, `skipped`"), known(test, r#"{"testID":2,"status":"x"}"#)),
        ((task, "a status other than `begin`, `done`, `skipped`"), known(task, r#"{"testID":2,"status":"x"}"#)),
        (
            (test, "a session that is not known"),
            Request::post(test)
                .body(r#"{"testID":2,"status":"done"}"#)
                .header("Authorization", &world.token(17, 3_600_000)),
        ),
        ((test, "no such test"), known(test, r#"{"testID":99,"status":"begin","timestamp":1}"#)),
        ((task, "no such task"), known(task, r#"{"testID":2,"taskID":99,"status":"done","timestamp":1}"#)),
    ]
}

/// The end of a form.
const END: &[u8] = b"--b--\r\n";

/// The same for uploads of images.
fn requests_of_images(world: &World) -> Vec<(Row, Request)> {
    let form = |path: &'static str, body: Vec<u8>| {
        let request = Request::post(path).body(body).header("Authorization", &world.good());
        request.header("Content-Type", "multipart/form-data; boundary=b")
    };
    let plain = |path: &'static str, content_type: &str| {
        Request::post(path).body("--b--").header("Authorization", &world.good()).header("Content-Type", content_type)
    };
    let file = |name: &str, body: &[u8]| -> Vec<u8> {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"batch\"; filename=\"{name}\"\r\n\r\n");
        [head.as_bytes(), body, b"\r\n", END].concat()
    };
    let frames = b"--b\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nframes\r\n";
    let (web, mobile) = ("/v1/web/images", "/v1/mobile/images");
    let one = file("1_2_3.jpeg", b"x");
    let many = [one[..one.len() - END.len()].repeat(4), END.to_vec()].concat();
    vec![
        ((web, "no form"), plain(web, "text/plain")),
        ((web, "a form without a boundary"), plain(web, "multipart/form-data")),
        ((web, "an empty form"), form(web, Vec::new())),
        ((web, "a form that is cut"), form(web, file("1_2_3.jpeg", b"picture")[..80].to_vec())),
        (
            (web, "frames under a name without `.frames`"),
            form(web, [&frames[..], &file("1_2.jpeg", b"frames")].concat()),
        ),
        ((web, "over `FILE_SIZE_LIMIT`"), form(web, Vec::new()).length(20_000_000)),
        ((web, "more parts than `upload_parts_max`"), form(web, many)),
        ((mobile, "no form"), plain(mobile, "text/plain")),
        ((mobile, "an archive that is none"), form(mobile, file("1-2.tar.gz", &gzip(b"no archive")))),
        (
            (mobile, "a file that is neither an archive nor frames"),
            form(mobile, file("1-2.tar.gz", b"this is nothing that is known")),
        ),
    ]
}

/// The same for phones and the analytics SDK.
fn requests_of_phones(world: &World) -> Vec<(Row, Request)> {
    let start = |body: &str| {
        Request::post("/v1/mobile/start").body(body).header("User-Agent", "ORTracker/1 CFNetwork/1490.0.4")
    };
    let sdk = |body: &str| Request::post("/v1/sdk/start").body(body);
    let batch = |path: &str, body: &[u8]| {
        Request::post(path).body(body).header("Authorization", &world.good()).header("Content-Encoding", "gzip")
    };
    let known = |key: &str| format!(r#"{{"projectKey":"{key}","trackerVersion":"1.0.10"}}"#);
    let mut spoiled = gzip(b"a batch");
    let sum = spoiled.len() - 8;
    spoiled[sum] ^= 1;
    let (mobile, i) = ("/v1/mobile/start", "/v1/mobile/i");
    vec![
        ((mobile, "no body"), start("")),
        ((mobile, "a cut body"), start("{")),
        ((mobile, "a field of another type"), start(r#"{"projectKey":"ios","timestamp":-1}"#)),
        ((mobile, "too large"), start("").length(200_000)),
        ((mobile, "no project key"), start("{}")),
        ((mobile, "no such project, or not active"), start(&known("none"))),
        ((mobile, "a project for browsers"), start(&known("web"))),
        ((mobile, "a tracker before 1.0.9, or no version"), start(r#"{"projectKey":"ios"}"#)),
        ((mobile, "a crawler, or no user agent"), Request::post(mobile).body(known("ios"))),
        ((mobile, "left out by the rate"), start(&known("ios-rate0"))),
        ((i, "gzip with a wrong sum"), batch(i, &spoiled)),
        ((i, "too large"), batch(i, b"").length(20_000_000)),
        (("/v1/sdk/start", "no body"), sdk("")),
        (("/v1/sdk/start", "no object"), sdk("[1]")),
        (("/v1/sdk/start", "no such project, or not active"), sdk(r#"{"projectKey":"none"}"#)),
        (("/v1/sdk/i", "gzip that is none"), batch("/v1/sdk/i", b"no")),
    ]
}

fn served() -> (Home, Server) {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("check_bodies", "inline"), ("body_grace", "300ms"), ("upload_parts_max", "3")]);
    (home, server)
}

/// A server that has used up the one session that it starts in an hour.
fn used_up() -> (Home, Server) {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[("admission", "on"), ("limit_starts_address", "1/h burst 1")]);
    server.start_session("web");
    (home, server)
}

/// Asks for every error that the rows promise.
pub fn ask_for_all(rows: &[Vec<String>]) {
    let (home, server) = served();
    let (_full_home, full) = used_up();
    let mut requests = requests(&World::of(&home, &server));
    requests.insert(OVER_A_LIMIT, web_start(KNOWN));
    let mut asked = BTreeSet::new();
    let mut complaints = Vec::new();
    for row in rows {
        let [route, when, status, text, _] = &row[..] else { panic!("five columns: {row:?}") };
        let route = if route.starts_with('`') { code(route) } else { route.clone() };
        let Ok(status) = status.parse::<u16>() else { continue };
        let Some((key, request)) = requests.iter().find(|((r, w), _)| **r == route && w == when) else {
            complaints.push(format!("no request for {route}: {when}"));
            continue;
        };
        asked.insert(key);
        let asked_of = if *key == OVER_A_LIMIT { &full } else { &server };
        let answer = asked_of.connect().exchange(request);
        let given = error_of(&answer);
        if answer.status != status || !fits(&inner(text), &given) {
            complaints.push(format!("{route}, {when}: {} {given:?}, and not {status} {text}", answer.status));
        }
    }
    let idle = requests.keys().filter(|key| !asked.contains(key));
    complaints.extend(idle.map(|key| format!("no row for {key:?}")));
    server.stop();
    full.stop();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The names of all headers in the answers to these requests and to some good ones.
pub fn header_names() -> BTreeSet<String> {
    let (home, server) = served();
    let world = World::of(&home, &server);
    let mut all: Vec<Request> = requests(&world).into_values().collect();
    all.push(web_start(KNOWN));
    all.push(world.batch("", b"Q"));
    all.push(Request::new("PUT", "/v1/web/i"));
    all.push(Request::new("GET", "/none"));
    all.push(Request::new("GET", "//v1/web/i"));
    all.push(Request::new("OPTIONS", "/v1/web/i").header("Access-Control-Request-Headers", "authorization,x-other"));
    let mut names = BTreeSet::new();
    for request in all {
        let answer = server.connect().exchange(request);
        names.extend(answer.headers().map(|(name, _)| name.to_owned()));
    }
    server.stop();
    let (_home, full) = used_up();
    let refused = full.connect().exchange(web_start(KNOWN));
    names.extend(refused.headers().map(|(name, _)| name.to_owned()));
    full.stop();
    names
}

fn error_of(answer: &Response) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body["error"].as_str().map_or_else(|| String::from_utf8_lossy(&answer.body).into_owned(), str::to_owned)
}

/// The text between the backticks of a cell, which may have quotes of its own.
fn inner(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// Whether a text matches that of the page, in which `<…>` stands for any text.
fn fits(wanted: &str, given: &str) -> bool {
    let Some((before, rest)) = wanted.split_once('<') else { return wanted == given };
    let Some((_, after)) = rest.split_once('>') else { return wanted == given };
    given.starts_with(before) && given.ends_with(after)
}
