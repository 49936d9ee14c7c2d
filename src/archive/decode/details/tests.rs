use super::*;

use serde_json::Value as Json;

use super::super::crafted::{Put, web_batch};
use super::super::layout::fields_of;
use super::super::messages::{MESSAGES, mapping_of};
use crate::tracker::{Era, FieldKind, message_spec, read_batch};

fn details(id: u64, values: &[Put<'_>]) -> (String, bool) {
    let batch = web_batch(&[(id, values)]);
    let message = read_batch(&batch, Era::Main).nth(1).unwrap().unwrap();
    let mut out = String::from("of the message before");
    let mapping = mapping_of(id).unwrap();
    let fields = fields_of(mapping, message.layout()).iter().zip(message.fields());
    let fields = fields.filter(|(field, _)| field.to.is_in_details());
    let fields: Vec<_> = fields.map(|(field, (_, value))| (field.key.as_str(), value)).collect();
    let cut = write(&fields, &mut out);
    (out, cut)
}

#[test]
fn the_fields_without_a_column_are_a_json_object() {
    let click = [47.into(), 3.into(), "buy".into(), ".buy".into(), 1008.into(), 3118.into()];
    assert_eq!(details(68, &click), (r#"{"ID":47,"NormalizedX":1008,"NormalizedY":3118}"#.to_owned(), false));
    assert_eq!(details(28, &["ann".into()]), (String::new(), false));
    let odd = Put::Text(b"\"\\\n\x01\xff\xc3\xa9");
    let error = ["E".into(), "m".into(), "p".into(), odd];
    assert_eq!(details(78, &error), (r#"{"Metadata":"\"\\\n\u0001�é"}"#.to_owned(), false));
}

#[test]
fn details_are_whole_json_within_the_limit_whatever_a_message_holds() {
    for filler in [&b"\""[..], b"\x01", b"\xff", "🦀".as_bytes(), b"a"] {
        let long = filler.repeat(3 * TEXT_BYTES_MAX / filler.len());
        for line in &MESSAGES {
            let layout = message_spec(line.id.into()).unwrap().fields(Era::Main);
            let values: Vec<_> = layout
                .iter()
                .map(|field| match field.kind {
                    FieldKind::Uint => Put::Number(-1),
                    FieldKind::Int => Put::Number(i64::MIN),
                    FieldKind::Str => Put::Text(&long),
                    FieldKind::Bool => Put::Truth(false),
                })
                .collect();
            let (text, cut) = details(line.id.into(), &values);
            assert!(text.len() <= TEXT_BYTES_MAX, "{}: {} bytes", line.name, text.len());
            let strings = layout
                .iter()
                .filter(|field| field.kind == FieldKind::Str && line.place_of(field.name).is_in_details())
                .count();
            assert_eq!(cut, strings > 0, "{}", line.name);
            if !text.is_empty() {
                assert!(serde_json::from_str::<Json>(&text).unwrap().is_object(), "{}", line.name);
            }
        }
    }
}

#[test]
fn what_a_short_string_leaves_goes_to_those_after_it() {
    let long = "a".repeat(TEXT_BYTES_MAX - FRAME_BYTES_MAX - 5);
    let request = ["fetch".into(), "GET".into(), "/".into(), "".into(), (&*long).into()];
    let numbers = [200, 1, 2, 3].map(Put::Number);
    let (text, cut) = details(83, &[&request[..], &numbers].concat());
    assert!(!cut && text.contains(&long));
}
