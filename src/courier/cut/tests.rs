use base64::prelude::{BASE64_STANDARD as STANDARD, Engine};

use crate::codec::inflate::{Coding, Inflater};

use super::*;

fn uint(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_uint(&mut out, value);
    out
}

fn int(value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    write_int(&mut out, value);
    out
}

fn sized(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id][..], &(body.len() as u32).to_le_bytes()[..3], body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [uint(text.len() as u64), text.as_bytes().to_vec()].concat()
}

/// Page 2, first index 5: a timestamp, an address and mouse moves.
fn web() -> Vec<u8> {
    let mut batch = [uint(81), uint(2), uint(2), uint(5), int(1_000), text("http://a/")].concat();
    for at in 0..40_u64 {
        batch.extend(match at % 8 {
            0 => sized(0, &uint(2_000 + at)),
            4 => sized(122, &[text(&format!("http://a/{at}")), text(""), uint(1), text("")].concat()),
            _ => sized(20, &[uint(at * 100), uint(at)].concat()),
        });
    }
    batch
}

fn mobile() -> Vec<u8> {
    let mut batch = [uint(107), uint(1_000), uint(1), uint(9)].concat();
    for at in 0..40_u64 {
        let fields = [uint(at), uint(2), uint(3), uint(4)].concat();
        batch.extend([uint(96), uint(1_000 + at), uint(fields.len() as u64), fields].concat());
    }
    batch
}

/// What a message says: index, time, id, bytes, and the page's address at that point.
type Said = (u64, i64, u64, Vec<u8>, Vec<u8>);

fn said(batch: &[u8]) -> Vec<Said> {
    let mut reader = read_batch(batch, Era::Main);
    let mut said = Vec::new();
    while let Some(message) = reader.next() {
        let message = message.expect("the batch is whole");
        if ![ids::BATCH_METADATA, ids::MOBILE_BATCH_META].contains(&message.id) {
            let location = reader.location().to_vec();
            said.push((message.index, message.timestamp_ms, message.id, message.bytes.to_vec(), location));
        }
    }
    said
}

#[test]
fn the_parts_say_what_the_whole_says() {
    for batch in [web(), mobile()] {
        for bytes_max in [60, 61, 100, 250, batch.len() - 1] {
            let parts = cut(&batch, bytes_max).expect("every message is small");
            assert!(parts.len() > 1);
            let bytes = |part: &BatchPart| [&part.metadata[..], &batch[part.messages.clone()]].concat();
            let parts: Vec<Vec<u8>> = parts.iter().map(bytes).collect();
            assert!(parts.iter().all(|part| part.len() <= bytes_max), "{bytes_max}");
            let together: Vec<_> = parts.iter().flat_map(|part| said(part)).collect();
            assert_eq!(together, said(&batch), "{bytes_max}");
        }
        assert_eq!(cut(&batch, batch.len()), Ok(vec![BatchPart { metadata: Vec::new(), messages: 0..batch.len() }]));
    }
}

#[test]
fn what_real_trackers_sent_says_the_same_in_parts() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures");
    let mut batches = 0;
    for name in ["12.0.4-big.jsonl", "19.0.1-big.jsonl"] {
        let text = std::fs::read_to_string(folder.join(name)).expect("is there");
        for line in text.lines() {
            let request: serde_json::Value = serde_json::from_str(line).expect("is JSON");
            let target = request["target"].as_str().expect("a text");
            if !target.contains("/v1/web/i") || target.contains("split=") || request["method"] != "POST" {
                continue;
            }
            let sent = STANDARD.decode(request["body_b64"].as_str().expect("a text")).expect("is base64");
            let mut batch = Vec::new();
            if Inflater::new().inflate(Coding::Gzip, &sent, 10 << 20, &mut batch).is_err() {
                batch = sent;
            }
            let sizes = || read_batch(&batch, Era::Main).map(|message| message.expect("is whole").bytes.len());
            let largest = sizes().max().unwrap_or_default() + 300;
            for bytes_max in [largest, largest * 2] {
                let parts = cut(&batch, bytes_max).expect("every message is small enough");
                let bytes = |part: &BatchPart| [&part.metadata[..], &batch[part.messages.clone()]].concat();
                let parts: Vec<Vec<u8>> = parts.iter().map(bytes).collect();
                assert!(parts.iter().all(|part| part.len() <= bytes_max), "{name}: {target}");
                let together: Vec<_> = parts.iter().flat_map(|part| said(part)).collect();
                assert!(together == said(&batch), "{name}: {target}");
                batches += u32::from(parts.len() > 1);
            }
        }
    }
    assert!(batches > 3, "{batches}");
}

#[test]
fn what_cannot_be_cut_is_named() {
    let batch = [&web()[..], &sized(20, &[1; 500])].concat();
    assert!(matches!(cut(&batch, 300), Err(CannotCut::Message(500..))));
    assert!(matches!(cut(&web(), 20), Err(CannotCut::Message(_))));
    let web = web();
    assert!(matches!(cut(&web[..web.len() - 1], 100), Err(CannotCut::Broken(_))));
    let old = [uint(80), uint(1), uint(1), uint(1), uint(0), uint(5)].concat();
    assert_eq!(cut(&old, 5), Err(CannotCut::Form));
    assert_eq!(cut(&[0, 5, 0, 6], 3), Err(CannotCut::Form));
}

#[test]
fn metadata_has_its_known_encoding() {
    let head = MetadataForm::Web { version: 1, page: 2 }.metadata((2 << 32) + 6, 1_710_417_074_000, b"https://e.com/");
    let known = b"\x51\x01\x02\x05\xa0\xdd\xea\xcc\xc7\x63\x0ehttps://e.com/";
    assert_eq!(head, known);
}
