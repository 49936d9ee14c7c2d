use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::log::cursor::NAME_BYTES_MAX;
use crate::log::format::position::Place;
use crate::log::read::reader::hand::{HandSegment, LOG, temp_dir, write_log_file};

use super::*;

fn name(text: &str) -> ConsumerName {
    text.parse().unwrap()
}

fn position(places: &[(u16, u64, u64)]) -> MergePosition {
    let place = |&(core, segment, offset): &(u16, u64, u64)| (core, Place { segment, offset });
    MergePosition { log: LOG, cores: places.iter().map(place).collect(), behind: BTreeMap::new() }
}

fn cursor(consumer: &str, offset: u64) -> Cursor {
    let position = position(&[(0, 1_764_042_067_000_000, offset), (3, 1_764_042_068_000_000, 4096)]);
    Cursor { consumer: name(consumer), holds: true, position }
}

/// A data folder with an empty log.
fn data() -> (tempfile::TempDir, Cursors) {
    let dir = temp_dir();
    let log_dir = dir.path().join("log");
    write_log_file(&log_dir);
    let cursors = Cursors::beside(&log_dir, LOG);
    (dir, cursors)
}

fn reader(cursors: &Cursors) -> LogReader {
    LogReader::open(&cursors.log_dir).unwrap()
}

#[test]
fn a_consumer_goes_on_where_its_cursor_was_kept() {
    let (_dir, cursors) = data();
    let mut kept = cursor("courier", 4096);
    cursors.register(&kept).unwrap();
    assert_eq!(cursors.read(&kept.consumer).unwrap(), Some(kept.clone()));
    for offset in [8192, 1 << 40, 4096] {
        kept = cursor("courier", offset);
        cursors.keep(&kept.consumer, &kept.position).unwrap();
        assert_eq!(cursors.read(&kept.consumer).unwrap(), Some(kept.clone()));
    }
    assert_eq!(cursors.list().unwrap().len(), 1);
    assert_eq!(cursors.read(&name("another")).unwrap(), None);
}

#[test]
fn a_damaged_cursor_is_recognised_at_every_byte() {
    let path = Path::new("cursors/courier.json");
    let text = cursor("courier", 4096).encode().unwrap();
    assert!(Cursor::decode(path, &text).is_ok());
    for at in 0..text.len() {
        for byte in (0..8).map(|bit| text[at] ^ (1 << bit)).chain([0, 0xff, b' ', b'\n', b'0']) {
            let mut damaged = text.clone();
            damaged[at] = byte;
            assert!(byte == text[at] || Cursor::decode(path, &damaged).is_err(), "byte {at} as {byte}");
        }
        assert!(Cursor::decode(path, &text[..at]).is_err(), "cut at {at}");
        let holed = [&text[..at], &text[at + 1..]].concat();
        assert!(Cursor::decode(path, &holed).is_err(), "without byte {at}");
    }
    assert!(Cursor::decode(path, &[&text[..], b"\n"].concat()).is_err());
    assert!(Cursor::decode(path, &vec![0; text.len()]).is_err());
    assert!(Cursor::decode(Path::new("cursors/other.json"), &text).is_err(), "copied to another's name");
}

#[test]
fn a_cursor_that_cannot_be_believed_names_its_file_and_what_to_do() {
    let (_dir, cursors) = data();
    let kept = cursor("courier", 4096);
    cursors.register(&kept).unwrap();
    let path = cursors.path(&kept.consumer);
    let text = fs::read_to_string(&path).unwrap();
    let error = |text: &str| {
        fs::write(&path, text).unwrap();
        assert!(cursors.keep(&kept.consumer, &cursor("courier", 1).position).is_err(), "and is not overwritten");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let error = cursors.read(&kept.consumer).unwrap_err().to_string();
        assert!(error.starts_with(path.to_str().unwrap()), "{error}");
        error
    };
    let damaged = error(&text.replace("4096", "4097"));
    assert!(damaged.contains("checksum") && damaged.contains("takeup consumers remove"), "{damaged}");
    assert!(error("{}").contains("not a cursor"));
    assert!(error(&text.replace("\"version\":1", "\"version\":2")).contains("use a newer takeup"));
    let foreign =
        Cursor { position: MergePosition { log: Uuid::from_bytes([1; 16]), ..kept.position.clone() }, ..kept.clone() };
    assert!(error(std::str::from_utf8(&foreign.encode().unwrap()).unwrap()).contains("another log"));
    assert!(cursors.list().unwrap()[0].cursor.is_err(), "it is listed with its fault");
    assert!(cursors.remove(&kept.consumer).unwrap(), "and can be removed all the same");
    cursors.register(&kept).unwrap();
}

#[test]
fn a_crash_at_any_step_of_keeping_leaves_the_old_cursor_or_the_new() {
    let (_dir, cursors) = data();
    let (old, new) = (cursor("courier", 4096), cursor("courier", 8192));
    cursors.register(&old).unwrap();
    let (path, text) = (cursors.path(&old.consumer), new.encode().unwrap());
    let fresh = small_file::fresh_path(&path);
    for written in 0..=text.len() {
        fs::write(&fresh, &text[..written]).unwrap();
        assert_eq!(cursors.read(&old.consumer).unwrap(), Some(old.clone()), "{written} bytes were written");
        assert_eq!(cursors.list().unwrap().len(), 1, "what is not finished is no cursor");
    }
    fs::rename(&fresh, &path).unwrap();
    assert_eq!(cursors.read(&old.consumer).unwrap(), Some(new));
    fs::write(&fresh, b"left by a crash, and longer than what comes next".repeat(20)).unwrap();
    cursors.keep(&old.consumer, &old.position).unwrap();
    assert_eq!(cursors.read(&old.consumer).unwrap(), Some(old));
    assert!(!fresh.exists());
}

const CHILD: &str = "TAKEUP_TEST_CURSORS_OF_CHILD";

/// The process that is killed: it says each offset once it is kept. Does nothing in an ordinary run of the tests.
#[test]
fn child_keeps_cursors_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let cursors = Cursors::beside(Path::new(&dir), LOG);
    for offset in 1..200_000 {
        cursors.keep(&name("courier"), &cursor("courier", offset).position).unwrap();
        // Not println: the harness captures it. In one write, so that a kill leaves a whole line or none.
        std::io::stderr().write_all(format!("kept {offset}\n").as_bytes()).unwrap();
    }
}

#[test]
fn a_kept_cursor_survives_kill() {
    let (_dir, cursors) = data();
    cursors.register(&cursor("courier", 0)).unwrap();
    for cycle in 1..=8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "cursor::registry::tests::child_keeps_cursors_until_it_is_killed",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CHILD, &cursors.log_dir)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut kept = 0;
        for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(offset) = line.strip_prefix("kept ") {
                kept = offset.parse().unwrap();
            }
            if kept == 20 * cycle + cycle % 3 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let found = cursors.read(&name("courier")).unwrap().unwrap().position.cores[&0].offset;
        assert!(kept > 0 && (kept..=kept + 1).contains(&found), "cycle {cycle}: kept {kept}, found {found}");
    }
}

#[test]
fn a_consumer_that_was_removed_is_not_brought_back_by_its_own_next_keep() {
    let (_dir, cursors) = data();
    let kept = cursor("courier", 4096);
    cursors.register(&kept).unwrap();
    assert!(cursors.remove(&kept.consumer).unwrap());
    assert!(!cursors.remove(&kept.consumer).unwrap());
    let error = cursors.keep(&kept.consumer, &kept.position).unwrap_err();
    assert!(matches!(error, LogError::Consumer { .. }), "{error}");
    assert_eq!(cursors.list().unwrap().len(), 0);
}

#[test]
fn a_consumer_is_registered_once_and_there_are_only_so_many() {
    let (_dir, cursors) = data();
    for number in 0..CONSUMERS_MAX {
        cursors.register(&cursor(&format!("c{number}"), 1)).unwrap();
    }
    assert!(matches!(cursors.register(&cursor("c1", 1)), Err(LogError::Consumer { .. })));
    assert!(matches!(cursors.register(&cursor("one-more", 1)), Err(LogError::Consumer { .. })));
    cursors.remove(&name("c7")).unwrap();
    cursors.register(&cursor("one-more", 1)).unwrap();
    fs::write(cursors.path(&name("by-hand")), b"x").unwrap();
    assert!(cursors.list().is_err(), "more than can be kept apart is an error, never a consumer left out");
}

#[test]
fn names_are_safe_as_file_names() {
    for good in ["checker", "courier-kafka", "0", "a--b", &"x".repeat(NAME_BYTES_MAX)] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in ["", "-a", "A", "a/b", "..", "a.b", "a b", "ä", "a\n", &"x".repeat(NAME_BYTES_MAX + 1)] {
        assert!(bad.parse::<ConsumerName>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_consumer_begins_at_either_end_of_the_log() {
    let (_dir, cursors) = data();
    let segments = [(0, 10), (0, 20), (2, 15)].map(|(core, id)| {
        let mut segment = HandSegment::new(core, id);
        segment.batch(id + 1, 7, b"x");
        segment.write_sealed(&cursors.log_dir);
        segment.bytes.len() as u64
    });
    let reader = reader(&cursors);
    let start = cursors.register_at(&reader, &name("a"), true, From::Start).unwrap();
    assert_eq!(start.position, position(&[(0, 10, 0), (2, 15, 0)]));
    assert!(!start.has_passed(0, 10, segments[0]) && !start.has_passed(2, 15, segments[2]));
    let end = cursors.register_at(&reader, &name("b"), false, From::End).unwrap();
    assert_eq!(end.position, position(&[(0, 20, segments[1]), (2, 15, segments[2])]));
    assert!(end.has_passed(0, 10, segments[0]) && end.has_passed(0, 20, segments[1]));
    assert!(!end.has_passed(0, 20, segments[1] + 64) && !end.has_passed(0, 21, 0) && !end.has_passed(1, 1, 1));
    assert_eq!(cursors.read(&name("b")).unwrap(), Some(end));
}
