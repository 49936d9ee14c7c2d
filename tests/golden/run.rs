//! Sends one case and keeps what came back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::case::{Case, Filling, World, generate, placeholders};
use crate::common::token::{self, Token};
use crate::common::{After, Connection, Response};

/// How long an answer may take where the case does not say.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long an unannounced close may take.
const CLOSE_WAIT: Duration = Duration::from_millis(120);
/// How long an announced close may take.
const ANNOUNCED_CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How the recordings started their sessions.
struct Starter {
    path: &'static str,
    project: &'static str,
    version: &'static str,
    user_agent: &'static str,
}

const WEB: Starter = Starter {
    path: "/v1/web/start",
    project: "web",
    version: "18.0.6",
    user_agent: concat!(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ",
        "Chrome/122.0.0.0 Safari/537.36"
    ),
};
const MOBILE: Starter = Starter {
    path: "/v1/mobile/start",
    project: "ios",
    version: "1.0.10",
    user_agent: "ORTracker/1 CFNetwork/1490.0.4 Darwin/23.2.0",
};

/// The visitor of the recordings.
const VISITOR: &str = "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11";

/// The result of one step that reads.
#[derive(Debug)]
pub enum Answer {
    /// A response.
    Response(Response),
    /// The bytes that had come, still unread.
    Peek(String),
    /// Nothing: closed or silent.
    Nothing,
}

/// The outcome of a case.
pub struct Outcome {
    /// The tokens that it made, by name.
    pub tokens: BTreeMap<String, String>,
    /// The sessions that were started for the tokens, whose records are no part of the case.
    pub prepared: BTreeSet<u64>,
    /// One answer for each step that reads.
    pub answers: Vec<Answer>,
    /// What became of the connection.
    pub after: After,
}

impl Outcome {
    /// The last response.
    pub fn last(&self) -> Option<&Response> {
        match self.answers.last() {
            Some(Answer::Response(response)) => Some(response),
            _ => None,
        }
    }
}

/// Where a case is sent.
pub struct Target<'a> {
    /// The world of the recordings.
    pub world: &'a World,
    /// The server's address for clients.
    pub address: SocketAddr,
    /// Its address for operators.
    pub admin: SocketAddr,
}

impl Target<'_> {
    /// Makes the tokens of a case and sends it.
    pub fn run(&self, case: &Case) -> Outcome {
        let mut tokens = BTreeMap::new();
        let mut prepared = BTreeSet::new();
        for name in in_order_of_need(&case.line["tokens"]) {
            let text = self.make_token(case, &case.line["tokens"][&name], &tokens, &mut prepared);
            tokens.insert(name, text);
        }
        if let Some(wait) = case.line["wait_before_ms"].as_u64() {
            thread::sleep(Duration::from_millis(wait));
        }
        let filling = Filling { world: self.world, tokens: &tokens };
        let request = &case.line["request"];
        let address = if request["admin_port"] == true { self.admin } else { self.address };
        let mut connection = Connection::open(address);
        let answers = match request["wire"].as_array() {
            Some(steps) => steps.iter().filter_map(|step| take_step(&mut connection, &filling, step)).collect(),
            None => {
                let (method, bytes) = request_bytes(&filling, request);
                connection.offer(&bytes);
                vec![read(&mut connection, &method, PATIENCE)]
            }
        };
        let announced = matches!(answers.last(), Some(Answer::Response(response)) if response.closes());
        let after = connection.after(if announced { ANNOUNCED_CLOSE_WAIT } else { CLOSE_WAIT });
        connection.close();
        Outcome { tokens, prepared, answers, after }
    }

    fn make_token(
        &self,
        case: &Case,
        recipe: &Value,
        tokens: &BTreeMap<String, String>,
        prepared: &mut BTreeSet<u64>,
    ) -> String {
        let secret = recipe["secret"].as_str().unwrap_or(self.world.secret(&case.config));
        let text = |key: &str| recipe[key].as_str().unwrap_or_else(|| panic!("{key} in {recipe}"));
        match text("kind") {
            "literal" => text("value").to_owned(),
            "signed_text" => token::sign(text("head"), secret),
            "mint" => mint(recipe).sign(secret),
            "edit" => spoil(&tokens[text("of")], text("how")),
            "start" | "mobile-start" => {
                let is_mobile = text("kind") == "mobile-start";
                let made = self.start(if is_mobile { &MOBILE } else { &WEB }, recipe, tokens);
                let token = Token::read(&made).expect("a start answers with a token");
                prepared.insert(token.session);
                made
            }
            other => panic!("no kind of token {other:?}"),
        }
    }

    fn start(&self, starter: &Starter, recipe: &Value, tokens: &BTreeMap<String, String>) -> String {
        let filling = Filling { world: self.world, tokens };
        let mut body = Map::from_iter([
            ("projectKey".to_owned(), json!(self.world.key(recipe["project"].as_str().unwrap_or(starter.project)))),
            ("trackerVersion".to_owned(), json!(starter.version)),
            ("timestamp".to_owned(), json!(token::now_ms())),
            ("userUUID".to_owned(), json!(VISITOR)),
        ]);
        body.extend(recipe["body"].as_object().cloned().unwrap_or_default());
        let request = json!({
            "method": "POST",
            "path": starter.path,
            "headers": [["Host", "golden"], ["User-Agent", starter.user_agent], ["Connection", "close"]],
            "body_text": Value::Object(body).to_string(),
        });
        let (method, bytes) = request_bytes(&filling, &request);
        let mut connection = Connection::open(self.address);
        connection.offer(&bytes);
        let response = connection.read_final(&method, PATIENCE).expect("a start is answered");
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        answer["token"].as_str().unwrap_or_else(|| panic!("a start gives a token, not {response:?}")).to_owned()
    }
}

fn mint(recipe: &Value) -> Token {
    let id = recipe["id"].as_str().and_then(|id| id.parse().ok());
    let expires_ms = match recipe["exp_in_ms"].as_i64() {
        Some(offset) => token::now_ms() + offset,
        None => recipe["exp"].as_i64().expect("a minted token has an expiry"),
    };
    Token {
        session: id.expect("a minted token has an id"),
        delay_ms: recipe["delay"].as_i64().unwrap_or(0),
        expires_ms,
    }
}

fn spoil(good: &str, how: &str) -> String {
    match how {
        "upper" => good.to_uppercase(),
        "flip_last" => {
            let (rest, last) = good.split_at(good.len() - 1);
            format!("{rest}{}", if last == "1" { "2" } else { "1" })
        }
        other => panic!("no way to spoil a token called {other:?}"),
    }
}

/// The names of the tokens, each after those that it is made from.
fn in_order_of_need(tokens: &Value) -> Vec<String> {
    let Some(recipes) = tokens.as_object() else { return Vec::new() };
    let mut order: Vec<String> = Vec::new();
    while order.len() < recipes.len() {
        let ready = recipes.iter().find(|(name, recipe)| {
            let text = recipe.to_string();
            let needs = placeholders(&text).into_iter().chain(recipe["of"].as_str());
            !order.contains(name) && needs.filter(|n| recipes.contains_key(*n)).all(|n| order.iter().any(|o| o == n))
        });
        order.push(ready.expect("tokens are made from earlier ones").0.clone());
    }
    order
}

/// Performs one step of a case that is written as bytes on a wire.
fn take_step(connection: &mut Connection, filling: &Filling<'_>, step: &Value) -> Option<Answer> {
    let millis = |key: &str| step[key].as_u64().map(Duration::from_millis);
    if let Some(text) = step["send"].as_str() {
        connection.offer(filling.fill(&latin1(text)));
    } else if !step["send_gen"].is_null() {
        connection.offer(generate(&step["send_gen"]));
    } else if let Some(pause) = millis("pause_ms") {
        thread::sleep(pause);
    } else if let Some(wait) = millis("peek_ms") {
        return Some(Answer::Peek(String::from_utf8_lossy(&connection.peek(wait)).into_owned()));
    } else if let Some(method) = step["read"].as_str() {
        let wait = step["timeout_s"].as_f64().map_or(PATIENCE, Duration::from_secs_f64);
        return Some(read(connection, method, wait));
    } else {
        panic!("no step {step}");
    }
    None
}

fn read(connection: &mut Connection, method: &str, wait: Duration) -> Answer {
    let began = Instant::now();
    match connection.read_final(method, wait) {
        Some(response) => Answer::Response(response),
        None => {
            assert!(began.elapsed() < wait + Duration::from_secs(1), "a read outlived its time");
            Answer::Nothing
        }
    }
}

/// The bytes of a request that is given by its parts, and its method.
fn request_bytes(filling: &Filling<'_>, request: &Value) -> (String, Vec<u8>) {
    let text = |key: &str| request[key].as_str().expect("a request has a method and a path");
    let mut bytes = format!("{} ", text("method")).into_bytes();
    bytes.extend(filling.fill(&latin1(text("path"))));
    bytes.extend_from_slice(b" HTTP/1.1\r\n");
    for header in request["headers"].as_array().expect("a request has headers") {
        let part = |i: usize| filling.fill(&latin1(header[i].as_str().expect("a header is two texts")));
        bytes.extend([part(0), b": ".to_vec(), part(1), b"\r\n".to_vec()].concat());
    }
    let body = filling.body(request);
    if let Some(body) = &body
        && request["length"] != "none"
    {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend(body.unwrap_or_default());
    (text("method").to_owned(), bytes)
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).expect("wire texts are Latin-1")).collect()
}
