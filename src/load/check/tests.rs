use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::log::format::record::{DataType, Encoding, Entry, Flags, Topic};
use crate::log::write::writer::{AppendError, Writer};
use crate::log::{Ack, Log, Options};

use super::*;

fn append(writer: &mut Writer, kind: Kind, session: u64, payload: &[u8]) {
    let entry = Entry {
        kind,
        topic: Topic::Raw,
        data_type: DataType::Player,
        encoding: Encoding::Identity,
        session,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload,
    };
    loop {
        match writer.append(&entry) {
            Ok(_) => return,
            Err(AppendError::NotReady) => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A log with these batches, and a ledger with those: session, body, and place.
fn compared(stored: &[(u64, &str)], noted: &[(u64, &str, Option<u32>)]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("log");
    let options = Options {
        dir: dir.clone(),
        cores: 1,
        ack: Ack::Disk,
        segment_bytes: 4 << 20,
        window_bytes: 1 << 20,
        group_bytes_max: 1 << 20,
        reserve_bytes: 0,
        start_reserve_bytes: 0,
        insist: true,
        ..Options::default()
    };
    let (log, _) = Log::open(options).unwrap();
    let mut writer = log.writer(0).unwrap();
    append(&mut writer, Kind::Start, 1, b"a start is no batch");
    stored.iter().for_each(|(session, body)| append(&mut writer, Kind::Batch, *session, body.as_bytes()));
    drop(writer);
    log.close().unwrap();
    check(&ledger_of(folder.path().join("ledger"), noted), &dir).unwrap()
}

fn ledger_of(path: PathBuf, noted: &[(u64, &str, Option<u32>)]) -> PathBuf {
    let mut text = "{\"takeup_load_ledger\":1,\"run\":\"r\",\"url\":\"u\"}\n".to_owned();
    for (session, body, order) in noted {
        let hash: String = hash(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let order = order.map(|order| format!(",\"o\":{order}")).unwrap_or_default();
        text += &format!("{{\"s\":\"{session}\",\"h\":\"{hash}\"{order}}}\n");
    }
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_is_stored_once_and_in_order_is_good() {
    let found = compared(
        &[(1, "a"), (2, "a"), (1, "b"), (1, "d"), (1, "c")],
        &[(1, "a", Some(1)), (2, "a", Some(1)), (1, "b", Some(2)), (1, "c", None), (1, "d", None)],
    );
    assert!(found.is_good());
    assert_eq!(found, Found { acknowledged: 5, sessions: 2, ..Found::default() });
}

#[test]
fn what_is_missing_late_repeated_or_of_others_is_counted() {
    let found = compared(
        &[(1, "b"), (1, "a"), (1, "a"), (7, "a"), (1, "c")],
        &[(1, "a", Some(1)), (1, "b", Some(2)), (1, "c", Some(3)), (2, "a", Some(1)), (2, "z", None)],
    );
    assert!(!found.is_good());
    assert_eq!((found.acknowledged, found.missing, found.out_of_order), (5, 2, 1));
    assert_eq!((found.repeats, found.unacknowledged, found.sessions), (1, 1, 2));
    assert!(found.missing_examples.iter().all(|example| example.starts_with("2 ")));
    assert!(found.out_of_order_examples[0].starts_with("1 "));
}

#[test]
fn a_batch_that_was_acknowledged_twice_counts_once_and_nothing_is_compared_with_nothing() {
    let found = compared(&[(1, "a")], &[(1, "a", Some(1)), (1, "a", Some(1))]);
    assert_eq!((found.acknowledged, found.missing), (1, 0));
    assert_eq!(compared(&[], &[]), Found::default());
}
