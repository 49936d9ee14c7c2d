//! The actions of the page: who may ask for them, and what they answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use serde_json::Value;

use crate::admin::LoggingError;

use super::tests::nothing;
use super::*;

const TOKEN: &str = "a token of sixteen or more";
const TARGETS: [&str; 7] = [
    "GET /api/actions",
    "POST /api/actions/reopen",
    "POST /api/actions/erase",
    "POST /api/actions/retention",
    "POST /api/actions/compact",
    "POST /api/actions/log",
    "POST /api/actions/cancel",
];
const DRY_RUN: &str = r#"{"session":"7","dry_run":true}"#;

/// A port whose jobs run this script of the shell, with what it was asked to change of what is logged.
fn start(
    token: Option<&str>,
    script: &str,
    no_archive: Option<&'static str>,
) -> (AdminHandle, Arc<Mutex<Vec<Logging>>>) {
    let admin = nothing(Arc::new(Metrics::new(Vec::new())));
    let changes = Arc::new(Mutex::new(Vec::new()));
    let changed = Arc::clone(&changes);
    let set_logging = move |wanted: &Logging| {
        changed.lock().unwrap().push(wanted.clone());
        match wanted.log_requests.as_deref() {
            Some("loud") => Err(LoggingError::Value("log_requests: expected one of all, errors".to_owned())),
            _ => Ok(()),
        }
    };
    let admin = Admin {
        commands: Commands {
            program: "/bin/sh".into(),
            before: vec!["-c".into(), script.into()],
            no_archive,
            ..admin.commands.clone()
        },
        logging: Box::new(|| Logging { log_requests: Some("all".to_owned()), log_level: Some("info".to_owned()) }),
        set_logging: Box::new(set_logging),
        access: AccessOptions { token: token.map(str::to_owned), hosts: Vec::new() },
        ..admin
    };
    (spawn("127.0.0.1:0".parse().unwrap(), admin).unwrap(), changes)
}

/// Status and body of the answer.
fn ask_as(admin: &AdminHandle, request: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(admin.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let head = format!("{request} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

/// The same from who may: the page of this port, with the token.
fn ask(admin: &AdminHandle, request: &str, body: &str) -> (u16, Value) {
    let port = admin.addr().port();
    let headers = format!(
        "Host: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nSec-Fetch-Site: same-origin\r\n\
         X-Takeup-Admin: 1\r\nAuthorization: Bearer {TOKEN}\r\n"
    );
    ask_as(admin, request, &headers, body)
}

fn job(admin: &AdminHandle) -> Value {
    ask(admin, "GET /api/actions", "").1["job"].take()
}

#[test]
fn no_action_is_there_for_another_site_or_without_header_or_token() {
    let (admin, changes) = start(Some(TOKEN), "exit 0", None);
    let host = "Host: localhost:8888\r\n";
    let (header, bearer) = ("X-Takeup-Admin: 1\r\n", format!("Authorization: Bearer {TOKEN}\r\n"));
    for target in TARGETS {
        for (headers, expected) in [
            (format!("{host}{header}{bearer}Origin: http://evil.example\r\n"), 403),
            (format!("{host}{header}{bearer}Origin: null\r\n"), 403),
            (format!("{host}{header}{bearer}Sec-Fetch-Site: same-site\r\n"), 403),
            (format!("{host}{header}{bearer}Sec-Fetch-Site: cross-site\r\n"), 403),
            (format!("Host: evil.example\r\n{header}{bearer}"), 403),
            (format!("{host}{bearer}"), 403),
            (format!("{host}{header}"), 401),
        ] {
            let (status, _) = ask_as(&admin, target, &headers, DRY_RUN);
            assert_eq!(status, expected, "{target} with {headers}");
        }
    }
    assert_eq!(job(&admin), Value::Null);
    assert!(changes.lock().unwrap().is_empty());

    let (open, _) = start(None, "exit 0", None);
    for target in TARGETS {
        let (status, told) = ask(&open, target, DRY_RUN);
        assert_eq!(status, 403, "{target}: without a token that is set, nobody has it");
        assert!(told["error"].as_str().unwrap().contains("set admin_token"), "{told}");
    }
    assert_eq!(open.jobs.json(), "null");
}

#[test]
fn a_wrong_body_begins_nothing_and_its_field_is_named() {
    let (admin, _) = start(Some(TOKEN), "exit 0", None);
    for (action, body, named) in [
        ("erase", r#"{"session":7}"#, "confirm"),
        ("erase", r#"{"session":"x","dry_run":true}"#, "session"),
        ("retention", r#"{"days":7}"#, "days"),
        ("compact", "[]", "object"),
        ("log", r#"{"log_requests":7}"#, "invalid type"),
        ("log", r#"{"colour":"red"}"#, "colour"),
        ("log", r#"{"log_requests":"loud"}"#, "log_requests: expected"),
        ("log", "", "log_requests or log_level"),
    ] {
        let (status, told) = ask(&admin, &format!("POST /api/actions/{action}"), body);
        assert_eq!(status, 400, "{action} {body}: {told}");
        assert!(told["error"].as_str().unwrap().contains(named), "{action} {body}: {told}");
    }
    let (status, _) = ask(&admin, "POST /api/actions/erase", &" ".repeat(5000));
    assert_eq!(status, 413);
    assert_eq!(ask(&admin, "GET /api/actions/erase", "").0, 405);
    assert_eq!(job(&admin), Value::Null);
}

#[test]
fn a_parameter_or_a_field_that_nobody_knows_changes_nothing() {
    let (admin, changes) = start(Some(TOKEN), "exec sleep 60", None);
    for target in TARGETS.iter().chain(&["POST /api/login"]) {
        let body = match *target {
            "POST /api/actions/erase" => DRY_RUN,
            "POST /api/actions/log" => r#"{"log_level":"debug"}"#,
            _ => "",
        };
        for (query, named) in [("dry_run=1", "dry_run"), ("colour=", "colour"), ("confirm=7&confirm=7", "confirm")] {
            let (status, told) = ask(&admin, &format!("{target}?{query}"), body);
            assert_eq!(status, 400, "{target}?{query}: {told}");
            assert_eq!(told["error"], format!("there is no parameter {named}"), "{target}?{query}");
        }
    }
    for target in ["reopen", "retention", "compact", "cancel"] {
        for (body, named) in [(r#"{"cores":[1]}"#, "unknown field `cores`"), ("[]", "object"), ("{", "EOF")] {
            let (status, told) = ask(&admin, &format!("POST /api/actions/{target}"), body);
            assert_eq!(status, 400, "{target} {body}: {told}");
            assert!(told["error"].as_str().unwrap().contains(named), "{target} {body}: {told}");
        }
    }
    for (target, body, named) in [
        ("log", r#"{"log_level":"debug","log_level":"info"}"#, "duplicate field `log_level`"),
        ("log", r#"{"log_level":"debug","colour":1}"#, "unknown field `colour`"),
        ("erase", r#"{"session":7,"dry_run":true,"dry_run":false}"#, "duplicate field `dry_run`"),
        ("erase", r#"{"session":7,"dry_run":true} {}"#, "trailing"),
    ] {
        let (status, told) = ask(&admin, &format!("POST /api/actions/{target}"), body);
        assert_eq!(status, 400, "{target} {body}: {told}");
        assert!(told["error"].as_str().unwrap().contains(named), "{target} {body}: {told}");
    }
    assert_eq!(job(&admin), Value::Null);
    assert!(changes.lock().unwrap().is_empty());
    // What is said in a way that is known is done.
    assert_eq!(ask(&admin, "POST /api/login?", "").0, 204);
    assert_eq!(ask(&admin, "POST /api/actions/retention", "{}").0, 202);
    assert_eq!(ask(&admin, "POST /api/actions/cancel?", "{}").0, 202);
}

#[test]
fn a_job_is_told_while_it_runs_and_another_one_is_refused_by_its_name() {
    let (admin, changes) = start(Some(TOKEN), "echo '{\"a\":1}'; exec sleep 60", None);
    let (status, told) = ask(&admin, "POST /api/actions/erase", DRY_RUN);
    assert_eq!((status, &told["job"]["state"], &told["job"]["action"]), (202, &"running".into(), &"erase".into()));
    assert_eq!(told["job"]["asked"], serde_json::json!({ "session": "7", "dry_run": true }));
    for action in ["erase", "retention", "compact"] {
        let body = if action == "erase" { DRY_RUN } else { "{}" };
        let (status, told) = ask(&admin, &format!("POST /api/actions/{action}"), body);
        assert_eq!(status, 409, "{action}: {told}");
        assert!(told["error"].as_str().unwrap().starts_with("erase is running"), "{told}");
    }
    let (status, told) = ask(&admin, "POST /api/actions/log", r#"{"log_level":"debug"}"#);
    assert_eq!((status, &told["log_requests"], &told["log_level"]), (200, &"all".into(), &"info".into()));
    assert_eq!(changes.lock().unwrap().len(), 1);
    assert_eq!(job(&admin)["state"], "running");
    let began = std::time::Instant::now();
    admin.stop();
    assert!(began.elapsed() < Duration::from_secs(30), "a stop ends the job");
}

#[test]
fn without_an_archive_nothing_is_put_into_it_and_the_answer_says_what_to_set() {
    let (admin, _) = start(Some(TOKEN), "exit 0", Some("set archive = true"));
    let (status, told) = ask(&admin, "POST /api/actions/compact", "");
    assert_eq!((status, &told["error"]), (409, &"set archive = true".into()));
    assert_eq!(job(&admin), Value::Null);
    assert_eq!(ask(&admin, "GET /api/actions", "").1["no_archive"], "set archive = true");
}
