//! Compares the outcome of a case with what OpenReplay answered and stored.
//!
//! Not compared, for every case: the order of headers and the case of their names, `Date`, and
//! the length of a body that OpenReplay delimits by closing.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::case::Case;
use super::differences::{Mismatch, NOTHING};
use super::message;
use super::run::{Answer, Outcome};
use crate::common::log::Record;
use crate::common::token::{self, Token};
use crate::common::{After, Response};

/// Columns that no start fills, or that only one of OpenReplay's schemas has.
const FOREIGN_COLUMNS: [&str; 9] = [
    "base_referrer",
    "duration",
    "issue_score",
    "referrer",
    "session_id",
    "user_anonymous_id",
    "utm_campaign",
    "utm_medium",
    "utm_source",
];

/// Ids never decrease, whichever core gives them out: the time in one may be this much later than
/// the clock by which its token and its row were made.
const ID_LEAD_MS_MAX: i64 = 1_000;

/// A value that OpenReplay's queue got, or would get from a record of the log.
struct Queued {
    topic: String,
    session: u64,
    value: Vec<u8>,
}

/// Collects the mismatches of one case.
pub struct Comparison<'a> {
    case: &'a Case,
    secret: &'a str,
    outcome: &'a Outcome,
    mismatches: Vec<Mismatch>,
    has_other_status: bool,
}

impl<'a> Comparison<'a> {
    /// Compares everything; `records` are those of the case's sessions.
    pub fn of(case: &'a Case, secret: &'a str, outcome: &'a Outcome, records: &[Record]) -> Vec<Mismatch> {
        let mut comparison = Self { case, secret, outcome, mismatches: Vec::new(), has_other_status: false };
        let new = started_session(outcome).filter(|session| !outcome.prepared.contains(session));
        let row = records.iter().filter(|r| Some(r.session) == new).find_map(|r| r.row.as_ref());
        comparison.compare_answers();
        let queued = comparison.queued(records);
        comparison.compare_queue(&queued);
        comparison.compare_row(row);
        comparison.compare_other_tables(records);
        // A refusal has no values between which relations could hold.
        if !comparison.has_other_status {
            comparison.compare_relations(&queued, row);
        }
        comparison.mismatches
    }

    fn note(&mut self, path: String, recorded: Value, given: Value) {
        let shown = |value| if value == Value::Null { json!(NOTHING) } else { value };
        let (recorded, given) = (shown(recorded), shown(given));
        if recorded != given {
            self.mismatches.push(Mismatch { path, recorded, given });
        }
    }

    fn compare_answers(&mut self) {
        let line = &self.case.line;
        let outcome = self.outcome;
        match line["responses"].as_array() {
            Some(recorded) => {
                assert_eq!(recorded.len(), outcome.answers.len(), "one answer for each step that reads");
                for (i, (recorded, answer)) in recorded.iter().zip(&outcome.answers).enumerate() {
                    self.compare_answer(&format!("responses[{i}]"), &format!("responses[{i}]."), recorded, answer);
                }
            }
            None => self.compare_answer("response", "", &line["response"], &outcome.answers[0]),
        }
        let given = match &outcome.after {
            After::Open => json!("open"),
            After::Closed => json!("closed"),
            After::Extra(bytes) => json!(format!("more bytes: {:?}", String::from_utf8_lossy(bytes))),
        };
        self.note("connection_after".into(), line["connection_after"].clone(), given);
    }

    /// `place` names the answer in the case's list of volatile paths, `prefix` in ours.
    fn compare_answer(&mut self, place: &str, prefix: &str, recorded: &Value, answer: &Answer) {
        let response = match answer {
            Answer::Peek(text) => return self.note(format!("{prefix}peek"), recorded["peek"].clone(), json!(text)),
            Answer::Nothing => return self.note(format!("{prefix}status"), recorded["status"].clone(), Value::Null),
            Answer::Response(response) => response,
        };
        self.note(format!("{prefix}status"), recorded["status"].clone(), json!(response.status));
        if recorded["status"].is_null() {
            return;
        }
        self.has_other_status |= recorded["status"] != response.status;
        self.note(format!("{prefix}reason"), recorded["reason"].clone(), json!(response.reason()));
        let interim = recorded["interim"].as_array().cloned().unwrap_or_default();
        self.note(format!("{prefix}interim"), json!(interim), json!(response.interim));
        self.compare_headers(place, prefix, recorded, response);
        self.compare_body(place, prefix, recorded, response);
    }

    fn compare_headers(&mut self, place: &str, prefix: &str, recorded: &Value, response: &Response) {
        let lines = recorded["headers"].as_array().expect("a response has headers");
        let text = |value: &Value| value.as_str().expect("a header is two texts").to_owned();
        let recorded = joined(lines.iter().map(|line| (text(&line[0]), text(&line[1]))));
        let given = joined(response.headers().map(|(name, value)| (name.to_owned(), value.to_owned())));
        let names: BTreeSet<&String> = recorded.keys().chain(given.keys()).collect();
        for name in names {
            // Another length shows in the bytes of the body.
            let by_body = name == "Content-Length" && given.contains_key(name) && !response.body.is_empty();
            if name == "Date" || by_body || self.case.is_volatile(&format!("{place}.headers.{name}")) {
                continue;
            }
            let value = |headers: &BTreeMap<String, String>| headers.get(name).map_or(Value::Null, |v| json!(v));
            self.note(format!("{prefix}headers.{name}"), value(&recorded), value(&given));
        }
    }

    fn compare_body(&mut self, place: &str, prefix: &str, recorded: &Value, response: &Response) {
        let text = recorded["body"].as_str().expect("a recorded body is text").to_owned();
        let given_text = String::from_utf8_lossy(&response.body).into_owned();
        let recorded_json = &recorded["body_json"];
        let (true, false, Ok(given)) = (
            recorded["status"] == response.status,
            recorded_json.is_null(),
            serde_json::from_slice::<Value>(&response.body),
        ) else {
            return self.note(format!("{prefix}body"), json!(text), json!(given_text));
        };
        let before = self.mismatches.len();
        self.compare_json(&format!("{place}.body_json"), &format!("{prefix}body_json"), recorded_json, &given);
        if self.mismatches.len() > before {
            return;
        }
        // If the values are the same, so are their order and their escapes.
        let mut text = text;
        if let (Some(old), Some(new)) = (recorded_json.as_object(), given.as_object()) {
            for (key, value) in old {
                if self.case.is_volatile(&format!("{place}.body_json.{key}")) {
                    text = text.replace(&format!("\"{key}\":{value}"), &format!("\"{key}\":{}", new[key]));
                }
            }
        }
        if !self.has_volatile_parts(&format!("{place}.body_json."), 2) {
            self.note(format!("{prefix}body"), json!(text), json!(given_text));
        }
    }

    /// Whether a volatile path lies more than `depth` levels down, where texts are not patched.
    fn has_volatile_parts(&self, start: &str, depth: usize) -> bool {
        let paths = self.case.line["volatile"].as_array().into_iter().flatten().filter_map(Value::as_str);
        paths.filter_map(|path| path.strip_prefix(start)).any(|rest| rest.split('.').count() >= depth)
    }

    fn compare_json(&mut self, place: &str, path: &str, recorded: &Value, given: &Value) {
        if self.case.is_volatile(place) && !given.is_null() {
            return;
        }
        match (recorded, given) {
            (Value::Object(old), Value::Object(new)) => {
                let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for key in keys {
                    let (old, new) = (&recorded[key], &given[key]);
                    self.compare_json(&format!("{place}.{key}"), &format!("{path}.{key}"), old, new);
                }
            }
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (i, (old, new)) in old.iter().zip(new).enumerate() {
                    self.compare_json(&format!("{place}[{i}]"), &format!("{path}[{i}]"), old, new);
                }
            }
            _ => self.note(path.to_owned(), recorded.clone(), given.clone()),
        }
    }

    /// The records of the case as OpenReplay's queue would get them, without those of the
    /// sessions that were started before it.
    fn queued(&self, records: &[Record]) -> Vec<Queued> {
        let mut prepared = self.outcome.prepared.clone();
        let mut queued = Vec::new();
        for record in records.iter().filter(|record| record.topic != "none") {
            let value = record.value();
            if message::read(&value).is_some() && prepared.remove(&record.session) {
                continue;
            }
            let queue = |topic: &str, value: &[u8]| Queued {
                topic: topic.to_owned(),
                session: record.session,
                value: value.to_vec(),
            };
            match record.split {
                Some(at) => {
                    queued.push(queue(&record.topic, &value[..at]));
                    queued.push(queue("raw-assets", &value[at..]));
                }
                None => queued.push(queue(&record.topic, &value)),
            }
        }
        queued
    }

    fn compare_queue(&mut self, queued: &[Queued]) {
        let recorded = self.case.line["queue"].as_array().expect("a case has a queue");
        self.note("queue.length".into(), json!(recorded.len()), json!(queued.len()));
        for (i, (recorded, given)) in recorded.iter().zip(queued).enumerate() {
            self.note(format!("queue[{i}].topic"), recorded["topic"].clone(), json!(given.topic));
            let session = self.session(recorded["session_id"].as_str().expect("a relation"));
            self.note(format!("queue[{i}].session_id"), json!(session), json!(given.session));
            match message::read(&given.value) {
                Some(message) if !recorded["decoded"].is_null() => self.compare_start(i, recorded, &message, given),
                _ if !recorded["json"].is_null() => self.compare_images(i, recorded, given),
                _ => self.compare_value(i, recorded, given),
            }
        }
    }

    fn compare_start(&mut self, i: usize, recorded: &Value, message: &Value, given: &Queued) {
        let path = format!("queue[{i}].decoded");
        self.compare_json(&path, &path, &recorded["decoded"], message);
        // A user agent may have bytes that are not UTF-8; then only the fields can be compared.
        if String::from_utf8(given.value.clone()).is_ok() {
            assert_eq!(
                message::write(message),
                given.value,
                "{}: another encoding of the same message",
                self.case.name
            );
        }
    }

    fn compare_value(&mut self, i: usize, recorded: &Value, given: &Queued) {
        let path = format!("queue[{i}].value");
        match recorded["value_b64"].as_str() {
            Some(value) => self.note(path, json!(value), json!(STANDARD.encode(&given.value))),
            None => {
                self.note(format!("{path}_len"), recorded["value_len"].clone(), json!(given.value.len()));
                let sum: String = Sha256::digest(&given.value).iter().map(|byte| format!("{byte:02x}")).collect();
                self.note(format!("{path}_sha256"), recorded["value_sha256"].clone(), json!(sum));
            }
        }
    }

    /// An upload of images is JSON, compared byte by byte: of a long one only length and checksum were recorded.
    fn compare_images(&mut self, i: usize, recorded: &Value, given: &Queued) {
        let old = &recorded["json"];
        if old["Data_b64"] == "(long)" {
            return self.compare_value(i, recorded, given);
        }
        let new: Value = serde_json::from_slice(&given.value).unwrap_or_default();
        self.note(format!("queue[{i}].json.Name"), old["Name"].clone(), new["Name"].clone());
        self.note(format!("queue[{i}].json.Data_b64"), old["Data_b64"].clone(), new["Data"].clone());
        if old["Name"] == new["Name"] && old["Data_b64"] == new["Data"] {
            self.compare_value(i, recorded, given);
        }
    }

    /// Rows of the tables of usability tests and of sessions that were not started.
    fn compare_other_tables(&mut self, records: &[Record]) {
        let rows = |table: &str| -> Vec<Value> {
            let of_table = records.iter().filter(|record| record.table.as_deref() == Some(table));
            of_table.map(|record| serde_json::from_slice(&record.body).expect("a row is JSON")).collect()
        };
        let recorded = self.case.line["signals"].as_array().cloned().unwrap_or_default();
        let given = rows("ut_tests_signals");
        self.note("signals.length".into(), json!(recorded.len()), json!(given.len()));
        for (i, (recorded, given)) in recorded.iter().zip(&given).enumerate() {
            for (column, value) in recorded.as_object().expect("a row has columns") {
                self.note(format!("signals[{i}].{column}"), value.clone(), given[column].clone());
            }
        }
        // The old service has no such table, so nothing was recorded of it.
        self.note("unstarted.length".into(), json!(0), json!(rows("unstarted_sessions").len()));
    }

    fn compare_row(&mut self, row: Option<&Value>) {
        let recorded = &self.case.line["row"];
        let (Some(columns), Some(row)) = (recorded.as_object(), row) else {
            let presence = |there| if there { json!("a row") } else { Value::Null };
            return self.note("row".into(), presence(recorded.is_object()), presence(row.is_some()));
        };
        for (column, value) in columns {
            if !FOREIGN_COLUMNS.contains(&column.as_str()) && !self.case.is_volatile(&format!("row.{column}")) {
                self.note(format!("row.{column}"), value.clone(), row[column].clone());
            }
        }
    }

    fn compare_relations(&mut self, queued: &[Queued], row: Option<&Value>) {
        let relations = self.case.line["relations"].as_object().expect("a case has relations");
        if relations.is_empty() {
            return;
        }
        let body = self.outcome.last().map(|r| serde_json::from_slice(&r.body).unwrap_or_default());
        let body: Value = body.unwrap_or_default();
        let message = queued.first().and_then(|q| message::read(&q.value)).unwrap_or_default();
        let text = body["token"].as_str().unwrap_or_default();
        let Some(token) = Token::read(text) else {
            return self.note("relations".into(), json!("of a token"), Value::Null);
        };
        let start = token::start_ms(token.session) as i64;
        let lead = relations["token.exp - start"].as_i64().map_or(0, |life| life - (token.expires_ms - start));
        let clock = if (0..=ID_LEAD_MS_MAX).contains(&lead) { start - lead } else { start };
        let after_start = |ms: &Value| ms.as_i64().map(|ms| json!(ms - clock));
        for (name, recorded) in relations {
            if self.case.is_volatile(&format!("relations.{name}")) {
                continue;
            }
            let given = match name.as_str() {
                "token.signature_ok" => json!(token::is_signed(text, self.secret)),
                "token.shard" => json!(token::shard(token.session)),
                "token.exp - start" => json!(token.expires_ms - clock),
                "token.id == sessionID" => json!(started_session(self.outcome) == Some(token.session)),
                "id time == startTimestamp" => json!(body["startTimestamp"] == start),
                "token.delay == delay" => json!(body["delay"] == token.delay_ms),
                "token" => json!(if self.outcome.tokens["a"] == text { "same as a" } else { "another" }),
                "queue.UserUUID == userUUID" => json!(message["UserUUID"] == body["userUUID"]),
                "queue.Timestamp - start" => after_start(&message["Timestamp"]).unwrap_or_default(),
                "row.start_ts - start" => row.and_then(|row| after_start(&row["start_ts"])).unwrap_or_default(),
                _ => panic!("{}: no relation {name:?}", self.case.name),
            };
            self.note(format!("relations.{name}"), recorded.clone(), given);
        }
    }

    /// The session that a relation of the recording means.
    fn session(&self, relation: &str) -> Option<u64> {
        match relation.strip_prefix("token ") {
            Some(name) => self.outcome.tokens.get(name).and_then(|token| session_of(token)),
            None => started_session(self.outcome),
        }
    }
}

/// The sessions that a case may have written to.
pub fn sessions(outcome: &Outcome) -> BTreeSet<u64> {
    let of_tokens = outcome.tokens.values().filter_map(|token| session_of(token));
    of_tokens.chain(started_session(outcome)).collect()
}

/// The session that the last response names.
pub fn started_session(outcome: &Outcome) -> Option<u64> {
    let body: Value = serde_json::from_slice(&outcome.last()?.body).ok()?;
    match body["sessionID"].as_str() {
        Some(id) => id.parse().ok(),
        None => session_of(body["token"].as_str()?),
    }
}

fn session_of(token: &str) -> Option<u64> {
    Token::read(token).map(|token| token.session)
}

/// Headers by name, the values of a repeated one joined.
fn joined(lines: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in lines {
        let canonical: Vec<String> = name.split('-').map(capitalised).collect();
        headers.entry(canonical.join("-")).and_modify(|v| *v = format!("{v} | {value}")).or_insert(value);
    }
    headers
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters.map(|c| c.to_ascii_lowercase())).collect()
}
