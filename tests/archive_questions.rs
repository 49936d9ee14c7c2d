//! The questions of `docs/archive.md`, asked by DuckDB of an archive of real sessions, against what `takeup events` shows of the same log.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

// They replay what real trackers sent. `tests/captures.rs` checks the answers and the log.
#[path = "captures/answers.rs"]
#[allow(missing_docs, dead_code)]
mod answers;
#[path = "captures/exchange.rs"]
#[allow(missing_docs, dead_code)]
mod exchange;
#[path = "captures/form.rs"]
#[allow(missing_docs, dead_code)]
mod form;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::services::kept;
use common::{Finished, Home, finish, fixtures};
use exchange::Replay;
use serde_json::Value;

const PROJECT_KEY: &str = "TkuPrjKey0123456abcd";
const PROJECTS: &str = r#"
[[projects]]
project_id = 7
project_key = "TkuPrjKey0123456abcd"
name = "shop"
platform = "web"
active = true
sample_rate = 100
max_session_duration = 7200000
beacon_size = 0
"#;

/// The captures that hold something for each question.
const CAPTURES: [&str; 8] = [
    "12.0.4-journey",
    "12.0.4-prefix",
    "18.0.7-beta.1-journey",
    "18.0.7-beta.1-journey-p1",
    "18.0.7-beta.1-long",
    "19.0.1-comeback",
    "19.0.1-expiry",
    "19.0.1-journey",
];

/// A limit for each command.
const PATIENCE: Duration = Duration::from_secs(120);

/// A session's messages as `takeup events --json` prints them.
type Sessions = BTreeMap<u64, Vec<Value>>;

#[test]
fn an_analyst_has_the_questions_of_the_page_answered() {
    let home = Home::with_projects(PROJECTS);
    record(&home);
    run(home.data(), &["compact"]);
    let sessions = sessions(home.data());
    let answers = ask(home.data());
    assert_eq!(answers.len(), 10, "ten questions");
    for (question, rows) in &answers {
        assert!(!rows.is_empty(), "{question} nothing was found");
        for id in rows.iter().flat_map(session_ids) {
            assert!(sessions.contains_key(&id), "{question} {id} is no session of the log");
        }
        open_a_session(home.data(), question, rows);
    }
    check_answers(&answers, &sessions);
}

/// Replays captures on a server.
fn record(home: &Home) {
    let environment = [
        ("TOKEN_SECRET".to_owned(), exchange::SECRET.to_owned()),
        ("HOSTNAME".to_owned(), "localhost".to_owned()),
        ("BEACON_SIZE_LIMIT".to_owned(), "1000000".to_owned()),
    ];
    let server = home.serve_recorded(&environment, PROJECT_KEY);
    for name in CAPTURES {
        let text = fs::read_to_string(fixtures("captures").join(format!("{name}.jsonl"))).expect("a capture");
        let mut replay = Replay::new(name, server.addr);
        text.lines().for_each(|line| replay.step(line));
    }
    server.stop();
}

/// What came of a command of the binary, which must succeed.
fn run(data: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
    command.env_clear().stdin(Stdio::null()).arg("--data").arg(data).args(arguments);
    let finished = finish(command, PATIENCE);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
    finished
}

fn sessions(data: &Path) -> Sessions {
    let lines = |arguments: &[&str]| run(data, arguments).lines();
    let listed = lines(&["sessions", "--json"]);
    let ids = listed.iter().map(|line| line["session_id"].as_str().expect("an id is a text"));
    ids.map(|id| (id.parse().expect("a number"), lines(&["events", id, "--json"]))).collect()
}

/// The rows by question.
fn ask(data: &Path) -> BTreeMap<String, Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = kept().join("python/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/services", python.display());
    let mut command = Command::new(python);
    command.arg(root.join("tests/archive_questions/ask.py")).arg(root.join("docs/archive.md")).arg(data);
    let finished = finish(command, PATIENCE);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).expect("JSON")
}

/// Opens a session of an answer as the page says below the question.
fn open_a_session(data: &Path, question: &str, rows: &[Value]) {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/archive.md")).expect("the page");
    let section = page.split("\n### ").find(|section| section.starts_with(question)).expect("the question is there");
    let command = section.split('`').find(|quoted| quoted.starts_with("takeup events ID")).expect("a command");
    let id = rows.iter().flat_map(session_ids).next();
    let id = id.unwrap_or_else(|| panic!("{question} names no session: {rows:?}")).to_string();
    let binary = Path::new(env!("CARGO_BIN_EXE_takeup"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().expect("a folder").display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &command.replace("ID", &id)]).env_clear().env("PATH", path).env("TAKEUP_DATA", data);
    let finished = finish(shell, PATIENCE);
    assert!(finished.code == Some(0) && finished.stdout.contains(['\n']), "{question} {command}, {id}: {finished:?}");
}

fn session_ids(row: &Value) -> Vec<u64> {
    let columns = row.as_object().expect("a row is an object").iter();
    columns.filter(|(name, _)| name.ends_with("session_id")).filter_map(|(_, id)| id.as_u64()).collect()
}

fn check_answers(answers: &BTreeMap<String, Vec<Value>>, sessions: &Sessions) {
    let rows = |number: u32| -> &Vec<Value> {
        let prefix = format!("{number}. ");
        answers.iter().find(|(question, _)| question.starts_with(&prefix)).expect("a question of this number").1
    };
    let sum = |number: u32, column: &str| -> u64 {
        rows(number).iter().map(|row| row[column].as_u64().expect("a number")).sum()
    };
    let count = |wanted: &dyn Fn(&Value) -> bool| -> u64 {
        sessions.values().flatten().filter(|message| wanted(message)).count() as u64
    };
    let of_name = |message: &Value, name: &str| message["name"] == name;

    assert_eq!(sum(1, "errors"), count(&|message| of_name(message, "JSException")));

    let requests = |message: &Value, path: &str| {
        of_name(message, "NetworkRequest")
            && path_of(&message["fields"]["URL"]) == path
            && message["fields"]["Status"] != 0
    };
    let basket = rows(2).iter().find(|row| row["endpoint"] == "/api/basket").expect("the basket's endpoint");
    assert_eq!(basket["requests"], count(&|message| requests(message, "/api/basket")));

    assert_eq!(sum(3, "sessions"), sessions.len() as u64);
    assert!(rows(3).iter().any(|row| row["browser"] == "Chrome"), "{:?}", rows(3));

    let opened = |messages: &[Value], path: &str| -> Vec<i64> {
        let pages = messages.iter().filter(|message| {
            message["name"].as_str().is_some_and(|name| name.starts_with("SetPageLocation"))
                && path_of(&message["fields"]["URL"]) == path
        });
        pages.map(|page| page["timestamp_ms"].as_i64().expect("a time")).collect()
    };
    let reached = |messages: &&Vec<Value>| {
        let first = opened(messages, "/catalogue").into_iter().min();
        first.is_some_and(|first| opened(messages, "/checkout").into_iter().any(|at| at > first))
    };
    let catalogue = sessions.values().filter(|messages| !opened(messages, "/catalogue").is_empty()).count();
    assert_eq!(rows(4)[0]["catalogue"], catalogue);
    assert_eq!(rows(4)[0]["checkout"], sessions.values().filter(reached).count());
    assert!(catalogue > 0);

    let is_theirs = |message: &Value| of_name(message, "UserID") && message["fields"]["ID"] == "customer-3141";
    let theirs = sessions.iter().filter(|(_, messages)| messages.iter().any(is_theirs));
    let theirs: BTreeSet<u64> = theirs.map(|(id, _)| *id).collect();
    let found: BTreeSet<u64> = rows(5).iter().flat_map(session_ids).collect();
    assert!(found.is_superset(&theirs) && !theirs.is_empty(), "{found:?} and not {theirs:?}");

    let raged = |message: &Value| of_name(message, "IssueEvent") && message["fields"]["Type"] == "click_rage";
    let by_tracker = rows(6).iter().filter(|row| row["sign"] == "click_rage").map(|row| &row["times"]);
    assert_eq!(by_tracker.filter_map(Value::as_u64).sum::<u64>(), count(&raged));

    let failed = |message: &Value| {
        of_name(message, "NetworkRequest") && message["fields"]["Status"].as_u64().is_some_and(|status| status >= 500)
    };
    assert_eq!(sum(7, "failed"), count(&failed));
    assert!(count(&failed) > 0);

    let with_messages = sessions.values().filter(|messages| messages.iter().any(|message| message["id"] == 81)).count();
    assert_eq!(sum(8, "sessions"), with_messages as u64);

    let messages = rows(9).iter().map(|row| row["error"].as_str().expect("a text"));
    assert!(messages.clone().any(|error| error.contains("price")), "{:?}", messages.collect::<Vec<_>>());

    assert_eq!(sum(10, "loads"), count(&|message| of_name(message, "PageLoadTiming")));
}

/// The path of an address.
fn path_of(url: &Value) -> &str {
    let url = url.as_str().expect("an address");
    let url = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    url.split(['?', '#']).next().unwrap_or_default()
}
