//! `takeup export`, on what a server has of a session that a real tracker sent.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use common::{Home, Request, fixtures};

const SESSION: u64 = 2_691_351_900_602_760_960;
const CAPTURE: &str = "captures/19.0.1-journey.jsonl";

/// A data folder with the batches and the pictures of a captured session.
fn record() -> Home {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = home.token(SESSION);
    let text = fs::read_to_string(fixtures(CAPTURE)).expect("the captures are there");
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let path = line["target"].as_str().and_then(|target| target.split('?').next());
        if !matches!(path, Some("/v1/web/i" | "/v1/web/images"))
            || line["method"] != "POST"
            || line["answer"]["status"] != 200
        {
            continue;
        }
        let body = STANDARD.decode(line["body_b64"].as_str().expect("a body")).expect("base64");
        let request = Request::post(line["target"].as_str().expect("a target")).without("Host").body(&body);
        let headers: Vec<(String, String)> = serde_json::from_value(line["headers"].clone()).expect("pairs of texts");
        let request = headers.iter().fold(request.unframed(), |request, (name, value)| request.header(name, value));
        let answer = server.connect().exchange(request.set("Authorization", &format!("Bearer {token}")));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    server.stop();
    home
}

#[test]
fn a_session_leaves_as_events_as_a_timeline_as_pictures_and_as_batches() {
    let home = record();
    let session = SESSION.to_string();
    let export = |options: &[&str]| {
        let ran = home.takeup(&[&["export", &session], options].concat());
        assert_eq!(ran.code, Some(0), "{options:?}: {}", ran.stderr);
        ran
    };

    let events: Value = serde_json::from_str(&export(&["--rrweb"]).stdout).expect("an array of events");
    let events = events.as_array().expect("an array");
    let of_type = |kind: u64| events.iter().filter(|event| event["type"] == kind).count();
    // Three pages, and one every twenty seconds.
    assert!(of_type(2) >= 5 && of_type(2) == of_type(4), "{} snapshots, {} addresses", of_type(2), of_type(4));
    let has = |text: &str| events.iter().any(|event| event.to_string().contains(text));
    assert!(has("Copper kettle"), "the text in the frame");
    assert!(has("Free delivery over"), "the text in the shadow tree");
    assert!(has("data:image/webp;base64,"), "the pictures of the canvas");
    assert!(!has(r#""src":"http"#), "nothing is fetched");
    let fetching = export(&["--rrweb", "--assets"]).stdout;
    assert!(fetching.contains(r#""src":"http"#), "unless the viewer says so");

    let timeline = export(&["--timeline", "md"]).stdout;
    for line in [
        "**page** http://shop.localhost",
        "**click** buy 4",
        "**request** ",
        "**error** ",
        "**console** ",
        "**custom** ",
    ] {
        assert!(timeline.contains(line), "no {line} in\n{timeline}");
    }
    let lines = export(&["--timeline", "json"]).lines();
    assert!(lines.iter().any(|line| line["kind"] == "click" && line["text"] == "buy 4"));

    let folder = home.data().join("pictures");
    let names = export(&["--images", &folder.display().to_string()]).stdout;
    assert!(names.lines().count() > 10, "{names}");
    for name in names.lines() {
        assert!(fs::read(folder.join(name)).expect("the file").starts_with(b"RIFF"), "{name}");
    }

    let folder = home.data().join("batches");
    export(&["--raw", &folder.display().to_string()]);
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 17);
    // A second time nothing is overwritten.
    let ran = home.takeup(&["export", &session, "--raw", &folder.display().to_string()]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("batches/000001-"), "{}", ran.stderr);
}

#[test]
fn a_session_that_is_not_there_is_named() {
    let ran = record().takeup(&["export", "17", "--rrweb"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("session 17 is not in this log"), "{}", ran.stderr);
}
