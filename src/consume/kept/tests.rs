use std::path::Path;
use std::time::Duration;

use crate::consume::BatchBounds;
use crate::log::read::merge::RepeatWindow;
use crate::log::{Ack, Log, Options};

use super::*;

/// A consumer of an empty log in a data folder.
fn consumer(data: &Path, holds: bool) -> (Consumer, LogReader) {
    let log_dir = data.join("log");
    let options = Options { dir: log_dir.clone(), ack: Ack::Memory, insist: true, ..Options::default() };
    Log::open(options).unwrap().0.close().unwrap();
    let reader = LogReader::open(&log_dir).unwrap();
    let consumer = Consumer {
        log_dir,
        name: "consumer".parse().unwrap(),
        begin: From::Start,
        holds,
        batch: BatchBounds { bytes: 1, time: Duration::ZERO },
        idle: Duration::ZERO,
        recent: None,
        repeats: RepeatWindow::default(),
        behind: None,
        resume: None,
        keep_every: Duration::ZERO,
        backoff_first: Duration::ZERO,
        backoff_max: Duration::ZERO,
    };
    (consumer, reader)
}

#[test]
fn a_consumer_that_does_not_hold_mends_its_own_cursor() {
    let data = tempfile::tempdir().unwrap();
    let (consumer, reader) = consumer(data.path(), false);
    let position = position_at(&reader, From::End).unwrap();
    let cursors = Cursors::of(&reader);
    // As an earlier version saved it, torn, and missing.
    let text = serde_json::to_vec(&position).unwrap();
    for before in [Some(&text[..]), Some(&text[..7]), None] {
        std::fs::create_dir_all(data.path().join("cursors")).unwrap();
        let path = cursors.path(&consumer.name);
        match before {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        assert!(matches!(begin(&consumer, &reader), Ok(None)));
        keep(&consumer, &position).unwrap();
        let kept = cursors.read(&consumer.name).unwrap().unwrap();
        assert_eq!((kept.holds, kept.position), (false, position.clone()));
    }
}

#[test]
fn a_consumer_that_holds_is_registered_first_and_never_replaces_its_cursor() {
    let data = tempfile::tempdir().unwrap();
    let (consumer, reader) = consumer(data.path(), true);
    let cursors = Cursors::of(&reader);
    let position = begin(&consumer, &reader).unwrap().unwrap();
    assert!(cursors.read(&consumer.name).unwrap().unwrap().holds);
    let path = cursors.path(&consumer.name);
    std::fs::write(&path, "torn").unwrap();
    assert!(matches!(begin(&consumer, &reader), Err(LogError::Cursor { .. })));
    assert!(matches!(keep(&consumer, &position), Err(LogError::Cursor { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"torn");
    cursors.remove(&consumer.name).unwrap();
    assert!(matches!(keep(&consumer, &position), Err(LogError::Consumer { .. })));
    assert!(cursors.read(&consumer.name).unwrap().is_none());
}
