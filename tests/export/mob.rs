//! The files of OpenReplay's own player, read by a reader of its own and compared with what the log has.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::Home;
use crate::mob_reader::{Catalogue, Form, Read, messages, plain};
use crate::recorded::{SESSION, record};

/// A session's files.
fn export(home: &Home, options: &[&str]) -> PathBuf {
    let folder = home.data().join("mob");
    let _ = fs::remove_dir_all(&folder);
    let (session, to) = (SESSION.to_string(), folder.display().to_string());
    let ran = home.takeup(&[&["export", &session, "--mob", &to], options].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    folder.join(SESSION.to_string())
}

/// What the log has: the messages of each batch.
fn batches(home: &Home) -> Vec<Vec<Read>> {
    let lines = home.takeup(&["events", &SESSION.to_string(), "--json"]).lines();
    let mut batches: Vec<Vec<Read>> = Vec::new();
    for line in lines {
        let id = line["id"].as_u64().expect("an id");
        if id == 81 {
            batches.push(Vec::new());
        }
        let message = Read { index: line["index"].as_u64(), id, fields: line["fields"].clone() };
        batches.last_mut().expect("metadata comes first").push(message);
    }
    batches
}

fn metadata(batch: &[Read], field: &str) -> i64 {
    batch[0].fields[field].as_i64().expect("a number")
}

fn of_dom(catalogue: &Catalogue, message: &Read) -> bool {
    catalogue.shown(message.id) == true
}

fn of_devtools(catalogue: &Catalogue, message: &Read) -> bool {
    catalogue.shown(message.id) == "devtools" || matches!(message.id, 0 | 118)
}

fn bare(message: &Read) -> Read {
    Read { index: None, ..message.clone() }
}

/// What the sink and the storage of 2024-03 make of messages.
fn in_order_of_2024(messages: impl Iterator<Item = Read>) -> Vec<Read> {
    let (mut seen, mut now, mut keyed) = (BTreeSet::new(), 0, Vec::new());
    for message in messages {
        if message.id == 0 {
            now = message.fields["Timestamp"].as_u64().expect("a time");
        }
        if seen.insert(message.index) {
            keyed.push(((now, message.index), message));
        }
    }
    keyed.sort_by_key(|(key, _)| *key);
    let ids: Vec<u64> = keyed.iter().map(|(_, message)| message.id).collect();
    let is_last = |at: usize| ids[at] != 0 || ids.get(at + 1) != Some(&0);
    keyed.iter().enumerate().filter(|(at, _)| is_last(*at)).map(|(_, (_, message))| bare(message)).collect()
}

fn split_header(bytes: &[u8]) -> (u8, &[u8]) {
    assert_eq!(bytes[..7], [0xff; 7], "a header");
    (bytes[7], &bytes[8..])
}

/// The first difference, rather than all messages.
fn assert_same(found: &[Read], expected: &[Read], what: &str) {
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    if let Some(at) = differs {
        panic!("{what}: message {at} is {:?}, not {:?}", found[at], expected[at]);
    }
    assert_eq!(found.len(), expected.len(), "{what}");
}

/// Sessions of the first protocol: their batches have messages of all kinds.
const PROTOCOL_1: [&str; 4] = ["12.0.4-journey", "12.0.4-multitab", "12.0.4-expiry", "18.0.7-beta.1-journey-p1"];

/// Sessions of the second: each batch has messages of one kind.
const PROTOCOL_2: [&str; 4] =
    ["18.0.7-beta.1-long", "18.0.7-beta.1-multitab", "19.0.1-journey", "19.0.1-leave-bfcache"];

#[test]
fn the_player_of_2026_07_gets_each_message_of_the_first_protocol_with_its_index_in_the_order_of_arrival() {
    let catalogue = Catalogue::new();
    let mut with_end = 0;
    for capture in PROTOCOL_1 {
        let home = record(capture);
        let batches = batches(&home);
        let files = export(&home, &[]);
        let began_ms = metadata(&batches[0], "Timestamp");
        let is_late = |batch: &[Read]| metadata(batch, "Timestamp") - began_ms > 15_000;
        // Of message 48 there are two layouts; the player of 2026-07 would misread that of 2024-03.
        let known = |message: &&Read| {
            let names =
                catalogue.0[&message.id]["fields"].as_array().expect("fields").iter().map(|field| &field["name"]);
            let has = |name: &Value| message.fields.get(name.as_str().expect("a name")).is_some();
            catalogue.0[&message.id]["in_main"] == true && { names }.all(has)
        };
        let expected = |late: bool| -> Vec<Read> {
            let chosen = batches.iter().filter(|batch| is_late(batch) == late).flatten();
            chosen.filter(known).filter(|message| of_dom(&catalogue, message)).cloned().collect()
        };
        let start = plain(&files.join("dom.mobs"));
        let (form, start) = split_header(&start);
        assert_eq!(form, 0xff);
        assert_same(&messages(start, Form::Indexed, false, &catalogue), &expected(false), capture);
        let late = expected(true);
        assert_eq!(files.join("dom.mobe").exists(), !late.is_empty(), "{capture}");
        if !late.is_empty() {
            with_end += 1;
            let end = plain(&files.join("dom.mobe"));
            assert_same(&messages(&end, Form::Indexed, false, &catalogue), &late, capture);
        }
        let tools = plain(&files.join("devtools.mob"));
        let (form, tools) = split_header(&tools);
        assert_eq!(form, 0xff);
        let expected: Vec<Read> =
            batches.iter().flatten().filter(known).filter(|one| of_devtools(&catalogue, one)).cloned().collect();
        assert!(expected.iter().any(|message| !matches!(message.id, 0 | 118)), "{capture}: something for its tools");
        assert_same(&messages(tools, Form::Indexed, false, &catalogue), &expected, capture);
    }
    assert!(with_end > 0, "one session is long enough for two files");
}

#[test]
fn the_player_of_2026_07_gets_batches_of_the_second_protocol_as_they_were_received() {
    let catalogue = Catalogue::new();
    let mut with_end = 0;
    for capture in PROTOCOL_2 {
        let home = record(capture);
        let batches = batches(&home);
        let files = export(&home, &[]);
        let began_ms = metadata(&batches[0], "Timestamp");
        let expected = |versions: &[i64], late: Option<bool>| -> Vec<Read> {
            let chosen = batches.iter().filter(|batch| versions.contains(&metadata(batch, "Version")));
            let in_time =
                |batch: &&Vec<Read>| late.is_none_or(|late| late == (metadata(batch, "Timestamp") - began_ms > 15_000));
            chosen.filter(in_time).flatten().map(bare).collect()
        };
        for (name, header, expected) in [
            ("dom.mobs", true, expected(&[2, 3], Some(false))),
            ("dom.mobe", false, expected(&[2, 3], Some(true))),
            ("devtools.mob", true, expected(&[4], None)),
        ] {
            assert_eq!(files.join(name).exists(), !expected.is_empty(), "{capture}: {name}");
            if expected.is_empty() {
                continue;
            }
            with_end += u32::from(name == "dom.mobe");
            let bytes = plain(&files.join(name));
            let bytes = match header {
                true => {
                    let (form, rest) = split_header(&bytes);
                    assert_eq!(form, 0xfe);
                    rest
                }
                false => &bytes[..],
            };
            assert_same(&messages(bytes, Form::Batches, false, &catalogue), &expected, &format!("{capture}: {name}"));
        }
    }
    assert!(with_end > 0, "one session is long enough for two files");
}

#[test]
fn the_player_of_2024_03_gets_messages_in_order_without_repeats_and_without_indexes() {
    let catalogue = Catalogue::new();
    for capture in ["12.0.4-journey", "12.0.4-multitab", "12.0.4-expiry", "12.0.4-big"] {
        let home = record(capture);
        let batches = batches(&home);
        let files = export(&home, &["--release", "2024-03"]);
        let known = |message: &&Read| catalogue.0[&message.id]["in_seed"] == true;
        let expected = |is_in: fn(&Catalogue, &Read) -> bool| {
            let chosen = batches.iter().flatten().filter(known).filter(|message| is_in(&catalogue, message)).cloned();
            in_order_of_2024(chosen)
        };
        let mut dom = plain(&files.join("dom.mobs"));
        if files.join("dom.mobe").exists() {
            assert_eq!(dom.len(), 1_000_000, "{capture}");
            dom.extend(plain(&files.join("dom.mobe")));
        }
        assert!(dom.len() > 1_000_000 || !files.join("dom.mobe").exists(), "{capture}");
        let (form, dom) = split_header(&dom);
        assert_eq!(form, 0xff);
        assert_same(&messages(dom, Form::Bare, true, &catalogue), &expected(of_dom), capture);
        let tools = plain(&files.join("devtools.mob"));
        let (_, tools) = split_header(&tools);
        assert_same(&messages(tools, Form::Bare, true, &catalogue), &expected(of_devtools), capture);
    }
}

#[test]
fn a_session_that_no_player_of_2024_03_can_read_is_refused_and_says_what_can() {
    let home = record("19.0.1-leave");
    let folder = home.data().join("mob").display().to_string();
    let ran = home.takeup(&["export", &SESSION.to_string(), "--mob", &folder, "--release", "2024-03"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("--release 2026-07 writes it"), "{}", ran.stderr);
    assert!(!home.data().join("mob").exists(), "nothing is made of it");
}

#[test]
fn pictures_of_canvases_are_streams_of_2026_07_and_archives_of_2024_03() {
    let home = record("19.0.1-journey");
    let pictures =
        home.takeup(&["export", &SESSION.to_string(), "--images", &home.data().join("p").display().to_string()]);
    let names: Vec<&str> = pictures.stdout.lines().collect();
    let mut expected: HashMap<u64, Vec<Vec<u8>>> = HashMap::new();
    for name in &names {
        let at_ms = name.split(['-', '.']).nth(1).expect("a time").parse().expect("a number");
        expected.entry(at_ms).or_default().push(fs::read(home.data().join("p").join(name)).expect("a picture"));
    }
    let files = export(&home, &[]);
    let mut found = 0;
    for entry in fs::read_dir(&files).expect("a folder").flatten() {
        if !entry.file_name().to_string_lossy().ends_with(".webp.frames.zst") {
            continue;
        }
        let bytes = plain(&entry.path());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let at_ms = u64::from_le_bytes(rest[..8].try_into().expect("8 bytes"));
            let length = u32::from_le_bytes(rest[8..12].try_into().expect("4 bytes")) as usize;
            assert!(expected[&at_ms].iter().any(|picture| *picture == rest[12..12 + length]), "{at_ms}");
            rest = &rest[12 + length..];
            found += 1;
        }
    }
    assert_eq!(found, names.len());
    assert!(found > 10);

    let home = record("12.0.4-journey");
    let files = export(&home, &["--release", "2024-03"]);
    let mut entries = 0;
    for file in fs::read_dir(&files).expect("a folder").flatten() {
        if !file.file_name().to_string_lossy().ends_with(".tar.zst") {
            continue;
        }
        let stem = file.file_name().to_string_lossy().trim_end_matches(".tar.zst").to_owned();
        let bytes = plain(&file.path());
        let mut archive = tar::Archive::new(&bytes[..]);
        for entry in archive.entries().expect("an archive") {
            let entry = entry.expect("an entry");
            let name = entry.path().expect("a name").display().to_string();
            assert!(name.starts_with(&stem) && name.split('_').count() == 3 && name.split('.').count() == 2, "{name}");
            entries += 1;
        }
    }
    let pictures =
        home.takeup(&["export", &SESSION.to_string(), "--images", &home.data().join("p").display().to_string()]);
    assert_eq!(entries, pictures.stdout.lines().count());
    assert!(entries > 0);
}

#[test]
fn ndjson_is_what_events_shows_a_message_a_line() {
    let home = record("19.0.1-leave");
    let events = home.takeup(&["events", &SESSION.to_string(), "--json"]);
    let exported = home.takeup(&["export", &SESSION.to_string(), "--ndjson"]);
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    assert_eq!(exported.stdout, events.stdout);
    let lines = exported.lines();
    assert!(lines.len() > 100);
    assert!(lines.iter().all(|line| line["name"].is_string() && matches!(line["fields"], Value::Object(_))));
}
