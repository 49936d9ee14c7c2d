//! The reading commands, run on a log that the writer wrote.

use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use clap::Parser;
use serde_json::Value;

use crate::log::format::record::{DataType, Encoding, Entry, ExtWriter, Flags, Kind, Label, Topic, ext_type};
use crate::log::write::writer::{AppendError, Writer};
use crate::log::{Ack, Log, Options};

use super::command::{Cli, Command};
use super::error::CliError;
use super::output::Out;
use super::{consumers, events, inspect, replay, sessions, verify};

const FIRST: u64 = 2_671_518_259_937_673_216;
const SECOND: u64 = 2_671_518_259_954_450_432;

/// A batch without metadata: one `Timestamp` (0) message of 1000 ms.
const TIMESTAMP: &[u8] = &[0, 0xe8, 0x07];

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The output of `command`.
fn printed<T>(command: impl FnOnce(&mut Out) -> Result<T, CliError>) -> (T, String) {
    let sink = Sink::default();
    let mut out = Out::new(Box::new(sink.clone()), false);
    let result = command(&mut out).unwrap();
    out.finish().unwrap();
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    (result, text)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn entry<'a>(kind: Kind, session: u64, project: u32, ext: &'a [u8], payload: &'a [u8]) -> Entry<'a> {
    Entry {
        kind,
        topic: Topic::Raw,
        data_type: DataType::Player,
        encoding: Encoding::Identity,
        session,
        project,
        split: 0,
        label: Some(Label { page: 0, number: 7 }),
        flags: Flags::HAS_LABEL,
        ext,
        payload,
    }
}

fn append(writer: &mut Writer, entry: &Entry<'_>) {
    loop {
        match writer.append(entry) {
            Ok(_) => break writer.kick(),
            Err(AppendError::NotReady) => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A data folder with two sessions of two projects, as a server leaves it after closing.
fn data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        dir: folder.path().join("log"),
        cores: 2,
        ack: Ack::Memory,
        segment_bytes: 4 << 20,
        window_bytes: 1 << 20,
        group_bytes_max: 1 << 20,
        insist: true,
        ..Options::default()
    };
    let (log, _) = Log::open(options).unwrap();
    let mut writers = [log.writer(0).unwrap(), log.writer(1).unwrap()];
    let mut ext = Vec::new();
    let row = br#"{"tracker_version":"18.0.7","user_browser":"Chrome","user_browser_version":"150","user_id":"anna"}"#;
    ExtWriter::new(&mut ext).push(ext_type::SESSION_ROW, row).unwrap();
    append(&mut writers[0], &entry(Kind::Start, FIRST, 1, &ext, TIMESTAMP));
    append(&mut writers[1], &entry(Kind::Start, SECOND, 2, &[], TIMESTAMP));
    append(&mut writers[1], &entry(Kind::Batch, FIRST, 1, &[], TIMESTAMP));
    append(&mut writers[0], &entry(Kind::Batch, FIRST, 0, &[], b"\x00\xff"));
    drop(writers);
    log.close().unwrap();
    folder
}

fn command(arguments: &[&str]) -> Command {
    Cli::try_parse_from(["takeup"].iter().chain(arguments)).unwrap().command
}

#[test]
fn sessions_are_listed_by_start_with_what_their_records_say() {
    let data = data();
    let list = |arguments: &[&str]| {
        let Command::Sessions(args) = command(arguments) else { unreachable!() };
        printed(|out| sessions::list(&args, data.path(), out)).1
    };
    let all = lines(&list(&["sessions", "--json"]));
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["session_id"], FIRST.to_string());
    assert_eq!((&all[0]["project_id"], &all[0]["batches"], &all[0]["bytes"]), (&1.into(), &2.into(), &5.into()));
    assert_eq!((&all[0]["browser"], &all[0]["user"]), (&"Chrome 150".into(), &"anna".into()));
    assert_eq!((&all[1]["project_id"], &all[1]["batches"], &all[1]["user"]), (&2.into(), &0.into(), &Value::Null));
    assert_eq!(lines(&list(&["sessions", "--json", "--project", "1"])), all[..1]);
    assert_eq!(lines(&list(&["sessions", "--json", "--last", "1"])), all[1..]);
    let table = list(&["sessions"]);
    assert_eq!(table.lines().count(), 3);
    assert!(table.starts_with("            SESSION  PROJECT  START"), "{table}");
}

#[test]
fn a_session_of_a_phone_is_shown_by_its_device_and_its_messages_by_their_names_of_today() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { dir: folder.path().join("log"), ack: Ack::Memory, insist: true, ..Options::default() };
    let (log, _) = Log::open(options).unwrap();
    let mut writer = log.writer(0).unwrap();
    let mut ext = Vec::new();
    let row = br#"{"tracker_version":"1.0.22","platform":"ios","user_browser":null,"user_os":"IOS",
        "user_os_version":"17.4","user_device":"iPhone 13"}"#;
    ExtWriter::new(&mut ext).push(ext_type::SESSION_ROW, row).unwrap();
    let start = entry(Kind::Start, FIRST, 1, &ext, b"\x5a\x01\x03\x00\x00\x00\x00\x00\x00\x00\x00");
    append(&mut writer, &start);
    append(&mut writer, &entry(Kind::Batch, FIRST, 0, &[], b"\x6b\x05\x01\x09\x5e\x06\x02\x01a"));
    // The analytics SDK starts a session without a message.
    append(&mut writer, &entry(Kind::Start, SECOND, 1, &ext, b""));
    drop(writer);
    log.close().unwrap();

    let Command::Sessions(args) = command(&["sessions", "--json"]) else { unreachable!() };
    let listed = lines(&printed(|out| sessions::list(&args, folder.path(), out)).1);
    let told = ["platform", "browser", "os", "device"].map(|name| listed[0][name].clone());
    assert_eq!(told, ["ios".into(), Value::Null, "IOS 17.4".into(), "iPhone 13".into()]);
    let Command::Sessions(args) = command(&["sessions"]) else { unreachable!() };
    let table = printed(|out| sessions::list(&args, folder.path(), out)).1;
    assert!(table.contains("  CLIENT               ") && table.contains("  iPhone 13, IOS 17.4  -"), "{table}");

    let events = |session: u64| {
        let Command::Events(args) = command(&["events", &session.to_string(), "--json"]) else { unreachable!() };
        lines(&printed(|out| events::list(&args, folder.path(), out)).1)
    };
    let shown = events(FIRST);
    let names: Vec<&str> = shown.iter().filter_map(|line| line["name"].as_str()).collect();
    assert_eq!(names, ["MobileSessionStart", "MobileBatchMeta", "MobileUserID"]);
    assert!(events(SECOND).is_empty());
}

#[test]
fn events_shows_messages_and_what_is_broken() {
    let data = data();
    let list = |arguments: &[&str]| {
        let Command::Events(args) = command(arguments) else { unreachable!() };
        printed(|out| events::list(&args, data.path(), out))
    };
    let session = FIRST.to_string();
    let (found, text) = list(&["events", &session, "--json"]);
    let json = lines(&text);
    assert!(found);
    assert_eq!(json[0]["name"], "Timestamp");
    assert_eq!(json[1]["fields"]["Timestamp"], 1000);
    assert!(json[2]["fault"].is_string() && json[2]["record"].is_string(), "{text}");
    let (_, text) = list(&["events", &session]);
    assert!(text.starts_with("  +0:00.000  ") && text.contains("\n          !  record "), "{text}");
    assert!(!list(&["events", "5"]).0);
}

#[test]
fn replayed_lines_carry_bodies_as_received() {
    let data = data();
    let Command::Replay(args) = command(&["replay", "--to", "-"]) else { unreachable!() };
    let (_, text) = printed(|out| replay::list(&args, data.path(), out));
    let json = lines(&text);
    assert_eq!(json.len(), 2, "starts are not replayed");
    assert_eq!((&json[0]["body"], &json[1]["body"]), (&"AOgH".into(), &"AP8=".into()));
    let names: Vec<&str> = text.lines().next().unwrap().split('"').skip(1).step_by(2).collect();
    for name in ["id", "received_us", "session_id", "project_id", "topic", "page", "number", "data_type", "encoding"] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!((&json[0]["page"], &json[0]["number"], &json[0]["topic"]), (&0.into(), &7.into(), &"raw".into()));
    assert_eq!(json[0]["session_id"], FIRST.to_string());
}

#[test]
fn inspect_lists_segments_and_records() {
    let data = data();
    let list = |arguments: &[&str]| {
        let Command::Inspect(args) = command(arguments) else { unreachable!() };
        printed(|out| inspect::list(&args, data.path(), out)).1
    };
    let segments = lines(&list(&["inspect", "--json"]));
    assert_eq!(segments.iter().map(|segment| segment["records"].as_u64().unwrap()).sum::<u64>(), 4);
    assert!(segments.iter().all(|segment| segment["state"] == "sealed"));
    let records = lines(&list(&["inspect", "--records", "--json"]));
    assert_eq!(records.len(), 4);
    let one = segments[0]["segment"].as_str().unwrap();
    assert_eq!(lines(&list(&["inspect", "--records", "--json", "--segment", one])).len(), 2);
    assert_eq!(list(&["inspect", "--records"]).lines().count(), 1 + 2 + 4);
}

#[test]
fn verify_names_segment_and_offset_of_a_flipped_byte() {
    let data = data();
    let Command::Verify(args) = command(&["verify"]) else { unreachable!() };
    let (whole, text) = printed(|out| verify::check(&args, data.path(), out));
    assert!(whole == verify::Condition::Whole && text.contains("the log is whole"), "{text}");

    let segment = a_segment(data.path());
    flip(&segment, 4096 + 64);
    let (condition, text) = printed(|out| verify::check(&args, data.path(), out));
    let expected = format!("DAMAGED  {}: ", segment.display());
    assert_eq!(condition, verify::Condition::Damaged);
    assert!(text.contains(&expected) && text.contains("\n         offset 4096, "), "{text}");

    let Command::Verify(quiet) = command(&["verify", "--quiet", "--json"]) else { unreachable!() };
    let (_, text) = printed(|out| verify::check(&quiet, data.path(), out));
    let json = lines(&text);
    assert_eq!((json.len(), &json[0]["ok"], &json[1]["log_ok"]), (2, &false.into(), &false.into()));
}

#[test]
fn consumers_are_added_listed_and_removed_by_name() {
    let data = data();
    let run = |arguments: &[&str]| {
        let Command::Consumers(args) = command(arguments) else { unreachable!() };
        printed(|out| consumers::work(&args, data.path(), out)).1
    };
    assert!(run(&["consumers"]).starts_with("no consumers"));
    assert!(run(&["consumers", "add", "backup", "--from", "start"]).contains("kept from now on"));
    let added = lines(&run(&["consumers", "add", "late", "--json"]));
    assert_eq!(
        (&added[0]["consumer"], &added[0]["behind_bytes"], &added[0]["holds"]),
        (&"late".into(), &0.into(), &true.into())
    );

    let listed = lines(&run(&["consumers", "--json"]));
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["consumer"], &listed[0]["behind_segments"]), (&"backup".into(), &2.into()));
    assert!(listed[0]["behind_bytes"].as_u64().unwrap() > 8192 && listed[0]["next_us"].as_u64().unwrap() > 0);
    assert_eq!((&listed[1]["behind_segments"], &listed[1]["next_us"]), (&0.into(), &Value::Null));
    assert!(listed.iter().all(|line| line["fault"].is_null() && line["kept_ms_ago"].as_u64().is_some()));

    let path = data.path().join("cursors/late.json");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let table = run(&["consumers"]);
    assert!(table.contains("everything") && table.contains("late.json: "), "{table}");
    assert_eq!(lines(&run(&["consumers", "--json"]))[1]["holds"], true);
    assert!(run(&["consumers", "remove", "late"]).contains("nothing is kept for it"));
    assert_eq!(lines(&run(&["consumers", "remove", "backup", "--json"]))[0]["removed"], true);
    assert!(run(&["consumers"]).starts_with("no consumers"));

    let Command::Consumers(args) = command(&["consumers", "remove", "late"]) else { unreachable!() };
    let error =
        consumers::work(&args, data.path(), &mut Out::new(Box::new(io::sink()), false)).unwrap_err().to_string();
    assert!(error.contains("there is no consumer late"), "{error}");
    assert!(Cli::try_parse_from(["takeup", "consumers", "add", "../x"]).is_err());
}

#[test]
fn a_folder_without_a_log_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let Command::Verify(args) = command(&["verify"]) else { unreachable!() };
    let mut out = Out::new(Box::new(io::sink()), false);
    let error = verify::check(&args, folder.path(), &mut out).unwrap_err().to_string();
    assert!(error.contains("--data"), "{error}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = Out::new(Box::new(Gone), false);
    out.line("text").unwrap();
    assert!(out.finish().unwrap_err().is_closed_pipe());
}

fn a_segment(data: &Path) -> PathBuf {
    let files = fs::read_dir(data.join("log/core-00")).unwrap().map(|file| file.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "seg")).unwrap()
}

fn flip(path: &Path, offset: u64) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&[0x55]).unwrap();
}
