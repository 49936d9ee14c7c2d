//! Sessions of phones, as their trackers send them.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::common::{Home, Request, fixtures};
use crate::mob_reader::{Catalogue, Form, messages, plain};

const PROJECTS: &str = "[[projects]]\nproject_id = 3\nproject_key = \"ios\"\nplatform = \"ios\"\n\
                        [[projects]]\nproject_id = 4\nproject_key = \"android\"\nplatform = \"android\"\n";

/// When the fixtures' session began.
const BEGAN_MS: u64 = 1_710_417_074_000;

fn request(name: &str, token: &str) -> Request {
    let path = fixtures(&format!("mobile/{name}.json"));
    let sent: Value = serde_json::from_slice(&fs::read(path).expect(name)).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").replace("{{host}}", "test").replace("{{token}}", token);
    let request = Request::new(&text(&sent["method"]), &text(&sent["path"])).without("Host");
    let headers = sent["headers"].as_array().expect("headers").iter();
    let request = headers.fold(request, |request, header| request.header(&text(&header[0]), &text(&header[1])));
    request.body(STANDARD.decode(sent["body_b64"].as_str().expect("a body")).expect("base64")).unframed()
}

/// Pictures of a screen, by the times at which they were taken; a player tells them apart by their last byte.
fn pictures(times_ms: impl Iterator<Item = u64>) -> Vec<(u64, Vec<u8>)> {
    times_ms.enumerate().map(|(number, at_ms)| (at_ms, vec![0xff, 0xd8, 0xff, 0xe0, number as u8])).collect()
}

fn upload(token: &str, pictures: &[(u64, Vec<u8>)]) -> Request {
    let mut frames = Vec::new();
    for (at_ms, picture) in pictures {
        frames.extend(at_ms.to_le_bytes());
        frames.extend((picture.len() as u32).to_le_bytes());
        frames.extend(picture);
    }
    let mut form = b"--b\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nframes\r\n--b\r\n\
                     Content-Disposition: form-data; name=\"batch\"; filename=\"batch.frames\"\r\n\r\n"
        .to_vec();
    form.extend(frames);
    form.extend(b"\r\n--b--\r\n");
    let request = Request::post("/v1/mobile/images").token(token);
    request.header("Content-Type", "multipart/form-data; boundary=b").body(&form)
}

/// A data folder with the session of a phone; its id.
fn record(client: &str, pictures: &[(u64, Vec<u8>)]) -> (Home, String) {
    let home = Home::with_projects(PROJECTS);
    let server = home.serve(&[]);
    let told = server.connect().exchange(request(&format!("{client}-start"), "")).json();
    let token = told["token"].as_str().expect("a token");
    // The pictures first: they do not wait for messages.
    let shown = (!pictures.is_empty()).then(|| upload(token, pictures));
    let batches = ["late", "i"].map(|route| request(&format!("{client}-{route}"), token));
    for request in shown.into_iter().chain(batches) {
        let answer = server.connect().exchange(request);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    server.stop();
    (home, told["sessionID"].as_str().expect("an id").to_owned())
}

fn export(home: &Home, session: &str, options: &[&str]) -> String {
    let ran = home.takeup(&[&["export", session], options].concat());
    assert_eq!(ran.code, Some(0), "{options:?}: {}", ran.stderr);
    ran.stdout
}

/// The element that shows the screen, below a snapshot's document.
fn screen(node: &Value) -> Option<&Value> {
    if node["tagName"] == "img" {
        return Some(node);
    }
    node["childNodes"].as_array()?.iter().find_map(screen)
}

#[test]
fn a_phones_session_plays_as_one_picture_that_changes_with_what_was_touched() {
    for (client, width, height) in [("ios", 390, 844), ("android", 1080, 2400)] {
        // Before the first message, between messages, and after the last.
        let pictures = pictures((0..60).map(|number| BEGAN_MS + number * 1000));
        let (home, session) = record(client, &pictures);
        let events: Vec<Value> = serde_json::from_str(&export(&home, &session, &["--rrweb"])).expect("an array");

        let times: Vec<i64> = events.iter().map(|event| event["timestamp"].as_i64().expect("a time")).collect();
        assert!(times.is_sorted());
        let kinds = |kind: u64| events.iter().filter(move |event| event["type"] == kind);
        for meta in kinds(4) {
            assert_eq!((&meta["data"]["width"], &meta["data"]["height"]), (&width.into(), &height.into()));
        }
        assert!(kinds(2).count() >= 3 && kinds(2).count() == kinds(4).count(), "a snapshot at least every 20 seconds");

        // Played from the beginning, and from any snapshot, the screen shows the newest picture.
        let address = |picture: &[u8]| format!("data:image/jpeg;base64,{}", STANDARD.encode(picture));
        let mut shown = String::new();
        let mut told = 0;
        for event in &events {
            let before = shown.clone();
            match event["type"].as_u64() {
                Some(2) => {
                    let screen = screen(&event["data"]["node"]).expect("a screen");
                    shown = screen["attributes"]["src"].as_str().unwrap_or_default().to_owned();
                }
                Some(3) if event["data"]["source"] == 0 => {
                    shown = event["data"]["attributes"][0]["attributes"]["src"].as_str().expect("a picture").to_owned();
                }
                _ => continue,
            }
            if shown != before {
                let at_ms = event["timestamp"].as_u64().expect("a time");
                assert_eq!((at_ms, &shown), (pictures[told].0, &address(&pictures[told].1)));
                told += 1;
            }
        }
        assert_eq!(told, pictures.len(), "each picture is shown, at its time");

        let at = |ms: u64| events.iter().filter(move |event| event["timestamp"] == BEGAN_MS + 100 + ms);
        let tap = at(1200).find(|event| event["data"]["type"] == 2).expect("a tap");
        assert_eq!((&tap["data"]["x"], &tap["data"]["y"]), (&195.into(), &700.into()));
        let swipe: Vec<_> = at(2500).filter(|event| event["type"] == 3).map(|event| event["data"].clone()).collect();
        let kinds: Vec<_> = swipe.iter().map(|data| (data["source"].clone(), data["type"].clone())).collect();
        // Both of the batches have it.
        let one = [(2.into(), 7.into()), (6.into(), Value::Null), (2.into(), 9.into())];
        assert_eq!(kinds, [one.clone(), one].concat());
        assert!(swipe[1]["positions"][0]["x"].as_u64() < swipe[0]["x"].as_u64(), "to the left");
        for name in ["MobileCrash", "MobileNetworkCall", "MobilePerformanceEvent", "MobileLog", "MobileEvent"] {
            assert!(events.iter().any(|event| event["type"] == 5 && event["data"]["tag"] == name), "{client}: {name}");
        }
        let crash = events.iter().find(|event| event["data"]["tag"] == "MobileCrash").expect("a crash");
        assert_eq!(crash["timestamp"], BEGAN_MS + 4900, "at its own time, not that of its batch");
    }
}

#[test]
fn a_phones_timeline_says_what_was_seen_touched_sent_and_what_went_wrong() {
    let (home, session) = record("ios", &[]);
    let timeline = export(&home, &session, &["--timeline", "md"]);
    for line in [
        "**screen** Cart \\(CartViewController\\)",
        "**click** Pay now",
        "**swipe** Cart: left",
        "**input** Card number: \\(masked\\)",
        "**request** POST https://shop.example/pay → 200 in 317 ms",
        "**console** info: Grüße aus dem Warenkorb",
        "**performance** mainThreadCPU: 17",
        "**custom** paid",
        "**user** user\\@example.com",
        "**error** crash: NSRangeException: index 3 beyond bounds",
        "**error** no screenshot",
    ] {
        assert!(timeline.contains(line), "no {line} in\n{timeline}");
    }
    let lines: Vec<Value> = export(&home, &session, &["--timeline", "json"])
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let times: Vec<i64> = lines.iter().map(|line| line["at_ms"].as_i64().expect("a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn openreplays_player_gets_a_phones_messages_and_its_screen() {
    let catalogue = Catalogue::new();
    let pictures = pictures((0..3).map(|number| BEGAN_MS + number * 1000));
    let (home, session) = record("android", &pictures);
    let all = home.takeup(&["events", &session, "--json"]).lines();
    for (release, form) in [("2026-07", Form::Indexed), ("2024-03", Form::Bare)] {
        let folder = home.data().join(release);
        export(&home, &session, &["--mob", &folder.display().to_string(), "--release", release]);
        let files = folder.join(&session);
        let bytes = plain(&files.join("dom.mobs"));
        assert_eq!(bytes[..8], [0xff; 8]);
        let found = messages(&bytes[8..], form, release == "2024-03", &catalogue);
        let is_known = |id: u64| {
            let key = if release == "2024-03" { "in_seed" } else { "in_main" };
            catalogue.shown(id) == true && catalogue.0[&id][key] == true
        };
        let mut expected: Vec<_> =
            all.iter().filter(|line| is_known(line["id"].as_u64().expect("an id"))).cloned().collect();
        if release == "2024-03" {
            expected.sort_by_key(|line| (line["fields"]["Timestamp"].as_u64(), line["index"].as_u64()));
        }
        assert!(found.len() > 10);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.fields, expected["fields"]);
            assert!(found.index.is_none_or(|index| Some(index) == expected["index"].as_u64()));
        }
        assert!(!files.join("devtools.mob").exists());
    }
    let frames = plain(&home.data().join("2026-07").join(&session).join("replay.frames.zst"));
    let expected: Vec<u8> = pictures
        .iter()
        .flat_map(|(at_ms, picture)| {
            [&at_ms.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
        })
        .collect();
    assert_eq!(frames, expected);
    let archive = plain(&home.data().join("2024-03").join(&session).join("replay.tar.zst"));
    let mut found = Vec::new();
    for entry in tar::Archive::new(&archive[..]).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        assert!(name.ends_with(".jpeg"), "{name}");
        let mut picture = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut picture).expect("a picture");
        found.push(picture);
    }
    assert_eq!(found, pictures.into_iter().map(|(_, picture)| picture).collect::<Vec<_>>());
}
