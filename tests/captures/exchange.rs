//! The replay of one capture: its requests, with our tokens in place of the recorded ones.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::answers::{conditions_fault, empty_fault, json_fault, preflight_fault, start_fault, tags_fault};
use super::form;
use crate::common::token::{self, Token};
use crate::common::{Connection, Request, Response};

/// The secret of the captures' tokens, and of ours.
pub const SECRET: &str = "secret_token_string";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// A batch whose token expired no longer ago than this is stored, and its sender told to start again.
const GRACE_MS: i64 = 30_000;

/// A batch that has to be in the log.
pub struct Batch {
    /// The request's target.
    pub target: String,
    /// The body as sent.
    pub body: Vec<u8>,
    /// The batch type.
    pub data_type: String,
    /// How the body is packed.
    pub encoding: String,
    /// Page and number of the `batch` parameter.
    pub label: (Option<u64>, Option<u64>),
    /// The `split` parameter of a `visual` batch.
    pub split: Option<usize>,
}

/// What was sent for one session.
#[derive(Default)]
pub struct Sent {
    /// Whether its start asked to record it.
    pub is_recorded: bool,
    /// The batches that were accepted, in order.
    pub batches: Vec<Batch>,
    /// The canvas frames that were accepted, by name.
    pub images: Vec<(String, Vec<u8>)>,
    /// The bodies of the analytics SDK that were accepted.
    pub sdk: Vec<Vec<u8>>,
    /// The signals of usability tests that were accepted.
    pub signals: Vec<Value>,
}

/// One capture that is being replayed.
pub struct Replay {
    /// The capture's name.
    pub name: String,
    /// What was sent, by our session ids.
    pub sent: BTreeMap<u64, Sent>,
    /// How many said that they do not record.
    pub not_started: usize,
    /// What was wrong with answers.
    pub complaints: Vec<String>,
    address: SocketAddr,
    connections: BTreeMap<u64, Connection>,
    /// Our tokens by the recorded ones.
    tokens: BTreeMap<String, String>,
    /// Our session ids by the recorded ones.
    sessions: BTreeMap<String, String>,
}

/// One line of a capture.
#[derive(Clone)]
pub struct Exchange {
    /// The line.
    pub line: Value,
    /// The method.
    pub method: String,
    /// The target as sent.
    pub target: String,
    /// The body as sent.
    pub body: Vec<u8>,
    /// The recorded status, None where the connection was closed without an answer.
    pub status: Option<u16>,
    /// The recorded body.
    pub answer: Vec<u8>,
}

impl Exchange {
    fn read(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).expect("each exchange is one JSON value");
        let text = |key: &str| line[key].as_str().expect("a request has a method, a target, a body").to_owned();
        let bytes = |packed: &str| STANDARD.decode(packed).expect("bodies are base64");
        let answer = bytes(line["answer"]["body_b64"].as_str().unwrap_or_default());
        let status = line["answer"]["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let (method, target, body) = (text("method"), text("target"), bytes(&text("body_b64")));
        Self { method, target, body, status, answer, line }
    }

    /// The path without a prefix.
    pub fn path(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or_default();
        path.strip_prefix("/ingest").unwrap_or(path)
    }

    /// The value of a header, "" if there is none.
    pub fn header(&self, name: &str) -> &str {
        let headers = self.line["headers"].as_array().expect("a request has headers");
        let found = headers.iter().find(|h| h[0].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name)));
        found.and_then(|header| header[1].as_str()).unwrap_or_default()
    }

    /// A parameter of the query, not decoded.
    fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// The request with this body, and with `token` where it carries one.
    fn request(&self, token: &str, body: &[u8]) -> Request {
        let text = |value: &'_ Value| value.as_str().expect("a header is two texts").to_owned();
        let headers = self.line["headers"].as_array().expect("a request has headers").iter();
        let request = Request::new(&self.method, &self.target).without("Host");
        let request = headers.fold(request, |request, header| request.header(&text(&header[0]), &text(&header[1])));
        let request = request.set("Authorization", &format!("Bearer {token}"));
        request.set("Content-Length", &body.len().to_string()).body(body).unframed()
    }
}

impl Replay {
    /// A replay that has not begun.
    pub fn new(name: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            address,
            sent: BTreeMap::new(),
            not_started: 0,
            complaints: Vec::new(),
            connections: BTreeMap::new(),
            tokens: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    /// Sends one request, judges its answer and notes what has to be stored.
    pub fn step(&mut self, line: &str) {
        let exchange = Exchange::read(line);
        let at_ms = exchange.line["at_ms"].as_i64().expect("a request has a time");
        let old = exchange.header("authorization").trim_start_matches("Bearer ").to_owned();
        let token = if old.is_empty() { String::new() } else { self.token_for(&old, at_ms) };
        let is_start = exchange.method == "POST" && exchange.path() == "/v1/web/start";
        let body = if is_start { self.start_body(&exchange, at_ms) } else { exchange.body.clone() };

        let conn = exchange.line["conn"].as_u64().expect("a request has a connection");
        let address = self.address;
        let connection = self.connections.entry(conn).or_insert_with(|| Connection::open(address));
        connection.offer(exchange.request(&token, &body));
        let Some(response) = connection.read_final(&exchange.method, PATIENCE) else {
            self.connections.remove(&conn);
            return self.complain(&exchange, "no answer");
        };
        if response.closes() {
            self.connections.remove(&conn);
        }
        if let Some(fault) = self.fault(&exchange, &response, &token) {
            self.complain(&exchange, &fault);
        }
    }

    fn complain(&mut self, exchange: &Exchange, fault: &str) {
        self.complaints.push(format!("{} {} {}: {fault}", self.name, exchange.method, exchange.target));
    }

    /// What is wrong with an answer.
    fn fault(&mut self, exchange: &Exchange, response: &Response, token: &str) -> Option<String> {
        if response.header("access-control-allow-origin").is_none_or(|origin| origin != "*") {
            return Some("a browser could not read the answer".to_owned());
        }
        if exchange.method == "OPTIONS" {
            return preflight_fault(exchange, response);
        }
        match exchange.path() {
            "/v1/web/start" => start_fault(exchange, response).or_else(|| self.take_start(exchange, response)),
            "/v1/web/i" => self.take_batch(exchange, response, token),
            "/v1/web/tags" => tags_fault(exchange, response),
            "/v1/web/feature-flags" | "/v1/web/uxt/test/31" => json_fault(exchange, response),
            "/v1/web/conditions/7" => conditions_fault(exchange, response),
            "/v1/web/not-started" => {
                self.not_started += 1;
                empty_fault(response, false)
            }
            "/v1/sdk/i" => self.take(response, token, |sent| sent.sdk.push(exchange.body.clone())),
            "/v1/web/images" => {
                let frames = form::frames(exchange.header("content-type"), &exchange.body);
                self.take(response, token, |sent| sent.images.push(frames))
            }
            "/v1/web/uxt/signals/test" | "/v1/web/uxt/signals/task" => {
                let signal = serde_json::from_slice(&exchange.body).expect("a signal is JSON");
                self.take(response, token, |sent| sent.signals.push(signal))
            }
            path => panic!("{}: {path} is no route", self.name),
        }
    }

    /// Our token for a recorded one, expired for as long as that was.
    fn token_for(&self, old: &str, at_ms: i64) -> String {
        let new = self.tokens.get(old).unwrap_or_else(|| panic!("{}: a token that no start gave", self.name));
        let over_ms = at_ms - Token::read(old).expect("a recorded token").expires_ms;
        if over_ms < 0 {
            return new.clone();
        }
        let token = Token::read(new).expect("a start gives a token");
        Token { expires_ms: token::now_ms() - over_ms, ..token }.sign(SECRET)
    }

    fn start_body(&self, exchange: &Exchange, at_ms: i64) -> Vec<u8> {
        let text = String::from_utf8(exchange.body.clone()).expect("a start is JSON");
        let body: Value = serde_json::from_str(&text).expect("a start is JSON");
        match body["token"].as_str() {
            Some(old) if !old.is_empty() => text.replace(old, &self.token_for(old, at_ms)).into_bytes(),
            _ => text.into_bytes(),
        }
    }

    /// Notes the token and the session of a start. A session that was resumed has to be resumed again.
    fn take_start(&mut self, exchange: &Exchange, response: &Response) -> Option<String> {
        let body: Value = serde_json::from_slice(&exchange.body).expect("a start is JSON");
        let answer: Value = serde_json::from_slice(&response.body).expect("a start was answered in JSON");
        let text = |answer: &Value, key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        let session = text(&answer, "sessionID");
        let id = session.parse().expect("a session id is a number");
        let is_new = !self.sent.contains_key(&id);
        let sent = self.sent.entry(id).or_default();
        if is_new {
            sent.is_recorded = body["doNotRecord"] != true;
        }
        // A start that the recorder refused on purpose has no session to compare with.
        let recorded: Value = serde_json::from_slice(&exchange.answer).unwrap_or_default();
        let old = text(&recorded, "sessionID");
        if exchange.status != Some(200) || old.is_empty() {
            return None;
        }
        self.tokens.insert(text(&recorded, "token"), text(&answer, "token"));
        match self.sessions.get(&old) {
            Some(known) if *known == session => None,
            Some(known) => Some(format!("session {session} instead of {known} going on")),
            None if is_new => {
                self.sessions.insert(old, session);
                None
            }
            None => Some(format!("session {session} goes on instead of a new one")),
        }
    }

    /// Judges an answer without a body, and notes what has to be stored. The recorder refused some requests on
    /// purpose; takeup accepts all that have a good token.
    fn take(&mut self, response: &Response, token: &str, note: impl FnOnce(&mut Sent)) -> Option<String> {
        let numbers = Token::read(token).expect("our token");
        let is_expired = token::now_ms() >= numbers.expires_ms;
        if !is_expired {
            note(self.sent.entry(numbers.session).or_default());
        }
        empty_fault(response, is_expired)
    }

    /// Judges the answer to a batch, and notes what has to be stored.
    fn take_batch(&mut self, exchange: &Exchange, response: &Response, token: &str) -> Option<String> {
        let numbers = Token::read(token).expect("our token");
        let over_ms = token::now_ms() - numbers.expires_ms;
        let (status, body) = if over_ms < 0 { (200, "") } else { (401, r#"{"error":"token expired"}"#) };
        if response.status != status || response.body != body.as_bytes() {
            let given = String::from_utf8_lossy(&response.body);
            return Some(format!("{} {given:?}, and not {status} {body:?}", response.status));
        }
        // The recorder refused, or closed a connection, only in captures of faults.
        assert!(exchange.status == Some(status) || self.name.contains("fault"), "{}: {:?}", self.name, exchange.status);
        if over_ms < GRACE_MS {
            let sent = self.sent.entry(numbers.session).or_default();
            sent.batches.push(batch(exchange));
        }
        None
    }
}

fn batch(exchange: &Exchange) -> Batch {
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let mut label = exchange.parameter("batch").unwrap_or_default().split('_').map(|part| part.parse().ok());
    Batch {
        target: exchange.target.clone(),
        body: exchange.body.clone(),
        data_type: or(exchange.header("datatype"), "all"),
        encoding: or(exchange.header("content-encoding"), "identity"),
        label: (label.next().flatten(), label.next().flatten()),
        split: exchange.parameter("split").and_then(|split| split.parse().ok()),
    }
}
