use std::io::Read as _;

use super::*;

const BEGAN_MS: i64 = 1_710_417_074_000;

/// A batch of this version with a time and a message: `TabData` (118) for the page, `ConsoleLog` (22) for the tools.
fn batch(version: u64, at_ms: i64, number: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_uint(&mut bytes, ids::BATCH_METADATA);
    write_uint(&mut bytes, version);
    write_uint(&mut bytes, 2);
    write_uint(&mut bytes, 5);
    write_int(&mut bytes, at_ms);
    write_string(&mut bytes, b"https://e.com/");
    for (id, texts) in [(118, &[&[number][..]][..]), (22, &[&b"log"[..], &[number]])] {
        let mut body = Vec::new();
        texts.iter().for_each(|text| write_string(&mut body, text));
        write_uint(&mut bytes, id);
        bytes.extend_from_slice(&[body.len() as u8, 0, 0]);
        bytes.extend_from_slice(&body);
    }
    bytes
}

fn collect(batches: &[Vec<u8>], started_ms: Option<i64>) -> (Vec<u8>, Vec<u8>, Vec<u8>, LeftOut) {
    let spool = || Spool::new(tempfile::tempfile().unwrap());
    let mut received = Received::new(spool(), spool(), spool());
    if let Some(at_ms) = started_ms {
        received.started(at_ms);
    }
    for batch in batches {
        received.batch(batch, Era::Main).unwrap();
    }
    let files = received.finish();
    let bytes = |spool: Spool| {
        let mut bytes = Vec::new();
        spool.read().unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    (bytes(files.start), bytes(files.end), bytes(files.devtools), files.left_out)
}

/// `TabData` with its index, as in a file of messages: the second of its batch.
fn tab(number: u8) -> Vec<u8> {
    [&(2_u64 << 32 | 6).to_le_bytes()[..], &[118, 1, number]].concat()
}

fn log(number: u8) -> Vec<u8> {
    [&(2_u64 << 32 | 7).to_le_bytes()[..], &[22, 3, b'l', b'o', b'g', 1, number]].concat()
}

const INDEXED: [u8; 8] = [0xff; 8];
const BATCHED: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe];

#[test]
fn batches_up_to_fifteen_seconds_from_the_sessions_start_are_in_the_first_file() {
    let at = [BEGAN_MS + 15_000, BEGAN_MS + 15_001, BEGAN_MS - 100];
    let batches: Vec<_> = at.iter().zip(1..).map(|(at_ms, number)| batch(1, *at_ms, number)).collect();
    let (start, end, tools, left_out) = collect(&batches, Some(BEGAN_MS));
    assert_eq!(start, [&INDEXED[..], &tab(1), &tab(3)].concat());
    assert_eq!(end, tab(2));
    assert_eq!(tools, [&INDEXED[..], &tab(1), &log(1), &tab(2), &log(2), &tab(3), &log(3)].concat());
    assert_eq!(left_out, LeftOut::default());
    // Without a start, the first batch is one.
    let (start, end, ..) = collect(&batches[..2], None);
    assert_eq!((start, end), ([&INDEXED[..], &tab(1), &tab(2)].concat(), Vec::new()));
}

#[test]
fn batches_of_one_kind_are_in_their_file_as_received_and_those_for_analytics_in_none() {
    let batches: Vec<_> = [2, 3, 4, 5].iter().map(|version| batch(*version, BEGAN_MS, 1)).collect();
    let mut cut_short = batch(2, BEGAN_MS, 9);
    cut_short.truncate(cut_short.len() - 3);
    let all = [batches.clone(), vec![cut_short.clone()]].concat();
    let (start, end, tools, left_out) = collect(&all, Some(BEGAN_MS));
    assert_eq!(start, [&BATCHED[..], &batches[0], &batches[1], &cut_short].concat());
    assert_eq!((end, tools), (Vec::new(), [&BATCHED[..], &batches[2]].concat()));
    assert_eq!(left_out, LeftOut::default());
}

#[test]
fn a_file_keeps_the_framing_of_its_first_batch_when_the_tracker_changes() {
    // Messages with indexes first: those of later batches get theirs.
    let (start, _, tools, _) = collect(&[batch(1, BEGAN_MS, 1), batch(2, BEGAN_MS, 2), batch(4, BEGAN_MS, 3)], None);
    assert_eq!(start, [&INDEXED[..], &tab(1), &tab(2)].concat());
    assert_eq!(tools, [&INDEXED[..], &tab(1), &log(1), &tab(3), &log(3)].concat());
    // Batches first: one of all kinds becomes a batch for each file.
    let (start, _, tools, _) = collect(&[batch(2, BEGAN_MS, 1), batch(4, BEGAN_MS, 2), batch(1, BEGAN_MS, 3)], None);
    let whole = batch(1, BEGAN_MS, 3);
    let without_log = &whole[..whole.len() - 10];
    assert_eq!(start, [&BATCHED[..], &batch(2, BEGAN_MS, 1), without_log].concat());
    assert_eq!(tools, [&BATCHED[..], &batch(4, BEGAN_MS, 2), &whole].concat());
}

#[test]
fn a_broken_batch_of_all_kinds_is_left_out_as_a_whole_and_counted() {
    let mut broken = batch(1, BEGAN_MS, 1);
    broken.truncate(broken.len() - 1);
    let (start, end, tools, left_out) = collect(&[broken, b"nonsense".to_vec(), batch(1, BEGAN_MS, 2)], None);
    assert_eq!(start, [&INDEXED[..], &tab(2)].concat());
    assert_eq!((end, tools), (Vec::new(), [&INDEXED[..], &tab(2), &log(2)].concat()));
    assert_eq!(left_out.broken, 2);
}
