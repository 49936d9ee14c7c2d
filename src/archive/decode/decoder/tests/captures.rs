//! What real trackers and phones sent, event by event against what `takeup events` shows of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io::Read;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Map, Value as Json};

use super::super::super::crafted::record;
use super::super::super::mapping::To;
use super::super::super::messages::mapping_of;
use super::super::*;
use crate::tracker::captured::uploads;
use crate::tracker::read_batch;

/// A message's fields and time as `takeup events --json` prints them.
struct Shown {
    id: u64,
    index: u64,
    fields: Map<String, Json>,
    timestamp_ms: i64,
}

/// The messages of which the table says that they are events, in order.
fn shown(body: &[u8], split: Option<usize>, era: Era) -> VecDeque<Shown> {
    let (first, second) = split_parts(body, split).unwrap();
    let messages = [Some(first), second].into_iter().flatten().flat_map(|part| read_batch(part, era));
    let shown = messages.map(|message| {
        let mut line = String::new();
        message.unwrap().write_json(&mut line);
        let mut line: Json = serde_json::from_str(&line).unwrap();
        let Json::Object(fields) = line["fields"].take() else { panic!("{line}") };
        let number = |name: &str| line[name].as_u64().unwrap();
        Shown { id: number("id"), index: number("index"), fields, timestamp_ms: line["timestamp_ms"].as_i64().unwrap() }
    });
    shown.filter(|message| mapping_of(message.id).is_some()).collect()
}

/// What the event says of a field, in JSON; `None` for nothing.
fn told(event: &Event<'_>, to: To, field: &str) -> Option<Json> {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(Json::from);
    match to {
        To::Url => text(&event.url),
        To::Label => text(&event.label),
        To::Selector => text(&event.selector),
        To::Name => text(&event.name),
        To::Value => text(&event.value),
        To::Message => text(&event.message),
        To::Method => text(&event.method),
        To::Level => text(&event.level),
        To::Status => event.status.map(Json::from),
        To::Duration => event.duration_ms.map(Json::from),
        To::Hesitation => event.hesitation_ms.map(Json::from),
        To::Bytes => event.bytes.map(Json::from),
        To::Details | To::Masked | To::Start | To::End => {
            serde_json::from_str::<Map<String, Json>>(event.details.unwrap()).unwrap().remove(field)
        }
        To::Nowhere | To::Visible => None,
    }
}

/// Decodes a body and holds each event against its message. Returns each event's kind and source.
fn compared(name: &str, body: &[u8], split: Option<usize>, era: Era) -> Vec<(&'static str, &'static str)> {
    let mut messages = shown(body, split, era);
    let mut events = Vec::new();
    let record = record(Kind::Batch, split, body);
    let decoded = EventDecoder::default().decode(&record, body, |event| {
        let message = messages.pop_front().expect("an event has a message of its own");
        assert_eq!((event.stream_index, event.happened_us), (Some(message.index), Some(message.timestamp_ms * 1000)));
        let mapping = mapping_of(message.id).unwrap();
        for (field, value) in &message.fields {
            let place = mapping.place_of(field);
            if matches!(place, To::Nowhere | To::Visible) {
                continue;
            }
            let masked = place == To::Value && message.fields.get("ValueMasked") == Some(&Json::Bool(true));
            let expected = match value {
                _ if masked => None,
                Json::String(text) if text.is_empty() && !place.is_in_details() => None,
                Json::Number(number) if place == To::Value => Some(Json::from(number.to_string())),
                value => Some(value.clone()),
            };
            let found = told(event, place, field);
            if event.cut && found != expected {
                let (found, expected) = (found.unwrap(), expected.unwrap());
                assert!(expected.as_str().unwrap().starts_with(found.as_str().unwrap()), "{name}: {field}");
            } else {
                assert_eq!(found, expected, "{name}: {} {field}", event.source);
            }
        }
        events.push((event.kind.as_str(), event.source));
        Ok::<(), Infallible>(())
    });
    assert_eq!(decoded.unwrap().fault, None, "{name}");
    assert_eq!(messages.len(), 0, "{name}: messages of the table that are no events");
    events
}

#[test]
fn every_event_holds_what_its_message_shows() {
    let mut events: BTreeMap<_, u32> = BTreeMap::new();
    for upload in uploads() {
        for event in compared(&upload.file, &upload.bytes, upload.split, upload.era) {
            *events.entry(event).or_default() += 1;
        }
    }
    for event in [
        ("page", "SetPageLocation"),
        ("page", "SetPageLocationDeprecated"),
        ("click", "MouseClick"),
        ("click", "MouseClickDeprecated"),
        ("input", "InputChange"),
        ("network", "NetworkRequest"),
        ("resource", "ResourceTiming"),
        ("resource", "ResourceTimingDeprecated"),
        ("graphql", "GraphQL"),
        ("graphql", "GraphQLDeprecated"),
        ("error", "JSException"),
        ("console", "ConsoleLog"),
        ("custom", "CustomEvent"),
        ("issue", "CustomIssue"),
        ("issue", "IssueEvent"),
        ("issue", "MouseThrashing"),
        ("performance", "PerformanceTrack"),
        ("performance", "PageLoadTiming"),
        ("performance", "PageRenderTiming"),
        ("performance", "WebVitals"),
        ("performance", "ConnectionInformation"),
        ("tag", "TagTrigger"),
        ("user", "UserID"),
        ("metadata", "Metadata"),
    ] {
        assert!(events.contains_key(&event), "no {event:?} among {events:?}");
    }
}

#[test]
fn every_phone_has_the_events_of_its_batch() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mobile");
    let mut kinds = BTreeSet::new();
    let mut batches = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Starts are JSON.
        if name.ends_with(".json") && !name.contains("start") {
            let events = compared(&name, &body_of(&path), None, Era::Main);
            assert!(!events.is_empty(), "{name}");
            kinds.extend(events.into_iter().map(|(kind, _)| kind));
            batches += 1;
        }
    }
    assert!(batches >= 8, "{batches} batches");
    let expected = [
        "click",
        "console",
        "custom",
        "error",
        "graphql",
        "input",
        "metadata",
        "network",
        "page",
        "performance",
        "swipe",
        "user",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
}

/// The inflated body of a phone's request.
fn body_of(path: &Path) -> Vec<u8> {
    let request: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let sent = BASE64_STANDARD.decode(request["body_b64"].as_str().unwrap()).unwrap();
    if !sent.starts_with(&[0x1f, 0x8b]) {
        return sent;
    }
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&sent[..]).read_to_end(&mut body).unwrap();
    body
}
