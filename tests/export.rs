//! `takeup export`, on what a server has of a session that a real tracker sent.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

use std::fs;

use serde_json::Value;

#[cfg(feature = "archive")]
#[path = "export/archive.rs"]
#[allow(missing_docs)]
mod archive;
#[path = "export/mob.rs"]
#[allow(missing_docs)]
mod mob;
#[path = "export/mob_reader.rs"]
#[allow(missing_docs)]
mod mob_reader;
#[path = "export/phone.rs"]
#[allow(missing_docs)]
mod phone;
#[path = "export/recorded.rs"]
#[allow(missing_docs)]
mod recorded;

use recorded::{SESSION, record};

/// Three pages, with frames, shadow trees and a canvas.
const CAPTURE: &str = "19.0.1-journey";

#[test]
fn a_session_leaves_as_events_as_a_timeline_as_pictures_and_as_batches() {
    let home = record(CAPTURE);
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
fn a_session_leaves_as_one_file_or_the_command_says_what_the_build_lacks() {
    let home = record(CAPTURE);
    let ran = home.takeup(&["export", &SESSION.to_string(), "--html"]);
    if !takeup::player::is_embedded() {
        assert_ne!(ran.code, Some(0));
        assert!(ran.stdout.is_empty() && ran.stderr.contains("scripts/player"), "{}", ran.stderr);
        return;
    }
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let file = ran.stdout;
    for part in ["Copper kettle", "data:image/webp;base64,", " click: buy 4\n", "rrwebReplay", "</html>"] {
        assert!(file.contains(part), "no {part}");
    }
    // What the session says is data, without a character that could end it.
    let events =
        file.split("class=\"events\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("events");
    let events: Vec<Value> = events.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let plain: Vec<Value> =
        serde_json::from_str(&home.takeup(&["export", &SESSION.to_string(), "--rrweb"]).stdout).expect("an array");
    assert_eq!(events, plain);
}

#[test]
fn a_session_that_is_not_there_is_named() {
    let ran = record(CAPTURE).takeup(&["export", "17", "--rrweb"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("session 17 is not in this log"), "{}", ran.stderr);
}
