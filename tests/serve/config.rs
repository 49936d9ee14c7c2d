//! `takeup config`, and a server that is told everything by OpenReplay's environment.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::common::{Home, Request};

const PROJECTS: &str = "[[projects]]\nproject_id = 1\nproject_key = \"Key\"\n";

/// Puts a token secret that only its owner can read into the data folder.
fn secret(home: &Home, text: &str) {
    fs::create_dir_all(home.data().join("secrets")).expect("a folder");
    let path = home.data().join("secrets/token");
    fs::write(&path, text).expect("the folder takes files");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

#[test]
fn check_tells_every_fault_at_once_with_file_and_line() {
    let home = Home::with_projects(&format!(
        "{PROJECTS}sample_rate = 101\n\n[[projects]]\nproject_id = 2\n\n[[tags]]\nproject_id = 9\n"
    ));
    home.write(
        "takeup.toml",
        "ack = \"disc\"\n\npatiens = \"5s\"\nwindow_bytes = \"1GiB\"\nlisten = \":80\"\nadmin = \":80\"\n",
    );
    secret(&home, " \n");
    let geo = home.data().join("projects.toml").display().to_string();
    let environment = [("BEACON_SIZE_LIMIT", "much"), ("UAPARSER_FILE", "/none/such"), ("MAXMINDDB_FILE", &*geo)];
    let finished = home.takeup_in(&environment, &["config", "check", "--json", "--set", "cores=many"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let findings = finished.lines();
    let name = |finding: &Value| {
        let file = finding["file"].as_str().unwrap_or_default();
        (file.rsplit('/').next().unwrap_or_default().to_owned(), finding["line"].as_u64().unwrap_or(0))
    };
    let text = |finding: &Value| finding["text"].as_str().expect("each has a text").to_owned();
    for (file, line, word) in [
        ("takeup.toml", 1, "disc"),
        ("takeup.toml", 3, "did you mean `patience`"),
        ("projects.toml", 4, "sample_rate"),
        ("projects.toml", 6, "`project_key` is missing"),
        ("projects.toml", 10, "there is no project 9"),
        ("", 0, "BEACON_SIZE_LIMIT"),
        ("", 0, "--set cores=many"),
        ("", 0, "takeup.toml:4: window_bytes"),
        ("", 0, "listen and admin are both"),
        ("token", 0, "an empty token secret"),
        ("such", 0, "cannot read the user agent expressions"),
        ("projects.toml", 0, "is not a usable MaxMind database"),
    ] {
        let found =
            findings.iter().any(|finding| name(finding) == (file.to_owned(), line) && text(finding).contains(word));
        assert!(found, "{file}:{line} {word} is not told: {}", finished.stdout);
    }
    assert!(findings.iter().all(|finding| finding["severity"] == "error"), "{}", finished.stdout);
    let plain = home.takeup_in(&environment, &["config", "check", "--set", "cores=many"]);
    assert!(plain.stdout.ends_with(&format!("{} errors, 0 remarks\n", findings.len())), "{}", plain.stdout);
    assert!(plain.stdout.contains("takeup.toml:1: ack = \"disc\""), "{}", plain.stdout);
}

#[test]
fn check_is_content_with_what_a_server_starts_with() {
    let home = Home::new();
    let finished = home.takeup(&["config", "check"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("the first start makes it"), "{}", finished.stdout);
    home.serve(&[]).stop();
    let finished = home.takeup_in(&[("JWT_SECRET", "hush")], &["config", "check"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("JWT_SECRET has no effect"), "{}", finished.stdout);
    assert!(finished.stdout.ends_with("0 errors, 1 remark\n"), "{}", finished.stdout);

    let finished = home.takeup_in(&[("POSTGRES_STRING", "postgres://u:hush@h/d?sslmode=on")], &["config", "check"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("postgres_string: `sslmode` must be disable, allow,"), "{}", finished.stdout);
    assert!(finished.stdout.contains("projects.toml: not used, because postgres_string is set"), "{}", finished.stdout);
    assert!(!finished.stdout.contains("hush"), "{}", finished.stdout);
}

#[test]
fn check_complains_of_secrets_that_others_can_read() {
    let home = Home::with_projects(PROJECTS);
    secret(&home, "hush\n");
    let path = home.data().join("secrets/token");
    for (mode, code) in [(0o600, 0), (0o440, 0), (0o604, 1), (0o660, 1)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        let finished = home.takeup(&["config", "check"]);
        assert_eq!(finished.code, Some(code), "{mode:o}: {finished:?}");
        assert_eq!(finished.stdout.contains("others may"), code == 1, "{}", finished.stdout);
    }
}

#[test]
fn show_tells_where_each_value_comes_from_and_no_secret() {
    let home = Home::with_projects(PROJECTS);
    home.write("takeup.toml", "# mine\npatience = \"3s\"\nlog_sample = 100\n");
    let environment = [
        ("TOKEN_SECRET", "hush-1"),
        ("POSTGRES_STRING", "postgres://pg:hush-2@db/x"),
        ("AWS_SECRET_ACCESS_KEY", "hush-3"),
        ("JWT_SECRET", "hush-4"),
        ("USE_CORS", "false"),
        ("HTTP_PORT", "9000"),
    ];
    let arguments = ["config", "show", "--set", "cores=2"];
    let lines = home.takeup_in(&environment, &[&arguments[..], &["--json"]].concat());
    assert_eq!(lines.code, Some(0), "{lines:?}");
    let lines = lines.lines();
    let of = |name: &str| {
        let line = lines.iter().find(|line| line["setting"] == name);
        line.unwrap_or_else(|| panic!("{name} is not shown")).clone()
    };
    let patience = of("patience");
    assert_eq!((&patience["value"], &patience["from"], &patience["line"]), (&json!("3s"), &json!("file"), &json!(2)));
    assert_eq!((&patience["live"], &patience["default"]), (&json!(true), &json!("5s")));
    assert_eq!(of("use_cors")["variables"], json!(["USE_CORS"]));
    assert_eq!((&of("listen")["value"], &of("listen")["from"]), (&json!("0.0.0.0:9000"), &json!("environment")));
    assert_eq!((&of("cores")["option"], &of("cores")["live"]), (&json!("--set"), &json!(false)));
    assert_eq!(of("ack")["from"], "default");
    let postgres = lines.iter().find(|line| line["variable"] == "POSTGRES_STRING").expect("it is told of");
    assert_eq!(postgres["value"], "postgres://pg:(hidden)@db/x");
    assert!(postgres["no_effect_because"].is_null(), "{postgres}");

    let changed = home.takeup_in(&environment, &[&arguments[..], &["--changed", "--json"]].concat());
    let names: Vec<Value> = changed
        .lines()
        .iter()
        .filter(|line| line.get("setting").is_some())
        .map(|line| line["setting"].clone())
        .collect();
    let expected = ["listen", "admin", "use_cors", "cores", "patience", "postgres_string", "aws_secret_access_key"];
    assert_eq!(names, expected, "log_sample stands there with its default");
    for arguments in [&arguments[..], &["config", "show", "--json"], &["config", "check"]] {
        let finished = home.takeup_in(&environment, arguments);
        let said = finished.stdout.clone() + &finished.stderr;
        assert!(!said.contains("hush"), "{said}");
        assert!(said.contains("hidden") || arguments[1] == "check", "{said}");
    }
}

#[test]
fn a_container_with_openreplays_environment_starts_and_says_what_has_no_effect() {
    let home = Home::new();
    // Of this process alone, and outside of what the system gives to others.
    let port = 12_000 + std::process::id() % 20_000;
    let server = home.serve_from_environment(&[
        ("HTTP_PORT", &port.to_string()),
        ("HTTP_HOST", ""),
        ("USE_CORS", "false"),
        ("SERVICE_NAME", "http"),
        ("TOKEN_SECRET", "secret_token_string"),
        ("POSTGRES_STRING", "postgres://pg:hush@postgres:5432/openreplay"),
        ("REDIS_STRING", "redis://redis:6379"),
        ("REDIS_STREAMS_MAX_LEN", "10000"),
        ("REDIS_CACHE_ENABLED", "true"),
        ("BEACON_SIZE_LIMIT", "1000000"),
        ("RECORD_CANVAS", "true"),
        ("TOPIC_RAW_WEB", "raw"),
        ("MAXMINDDB_FILE", ""),
        ("LICENSE_KEY", ""),
        ("TAKEUP_ADMIN", "127.0.0.1:0"),
        ("TAKEUP_CORES", "1"),
    ]);
    assert_eq!(server.addr.to_string(), format!("0.0.0.0:{port}"));
    // Its database is not there: trackers are asked to try again.
    let answer = server.connect().exchange(Request::start("any"));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (503, None), "{}", answer.text());
    let line = server.wait_for_line(&["have no effect here"], crate::common::PATIENCE);
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert!(line["REDIS_CACHE_ENABLED"].is_string(), "{line}");
    for name in [
        "TOKEN_SECRET",
        "REDIS_STREAMS_MAX_LEN",
        "BEACON_SIZE_LIMIT",
        "LICENSE_KEY",
        "HTTP_PORT",
        "POSTGRES_STRING",
        "SERVICE_NAME",
    ] {
        assert!(line[name].is_null(), "{name} is told of: {line}");
    }
    assert!(!server.said().contains("hush"));
    server.stop();
}
