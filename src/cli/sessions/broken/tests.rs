use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use clap::Parser;
use serde_json::Value;

use crate::cli::command::{Cli, Command};
use crate::cli::{inspect, replay};
use crate::codec::inflate::Coding;
use crate::log::format::record::{Encoding, Entry, ExtWriter, Flags, Topic, ext_type};
use crate::log::write::writer::AppendError;
use crate::log::{Ack, Log, Options, Writer};

use super::*;

/// A batch as trackers write it: its metadata (page 0, first message 2) and one message.
const WHOLE: &[u8] = &[81, 1, 0, 2, 2, 0, 0, 1, 0, 0, 5];

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

fn printed(command: &[&str], data: &Path) -> String {
    let sink = Sink::default();
    let mut out = Out::new(Box::new(sink.clone()), false);
    match Cli::try_parse_from(["takeup"].iter().chain(command)).unwrap().command {
        Command::Sessions(args) => list(&args, data, &mut out).unwrap(),
        Command::Inspect(args) => inspect::list(&args, data, &mut out).unwrap(),
        Command::Replay(args) => drop(replay::list(&args, data, &mut out).unwrap()),
        _ => unreachable!(),
    }
    out.finish().unwrap();
    String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A data folder with a log that contains what `write` appends.
fn data(write: impl FnOnce(&mut Writer)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        dir: folder.path().join("log"),
        ack: Ack::Memory,
        segment_bytes: 16 << 20,
        window_bytes: 4 << 20,
        group_bytes_max: 4 << 20,
        insist: true,
        ..Options::default()
    };
    let (log, _) = Log::open(options).unwrap();
    let mut writer = log.writer(0).unwrap();
    write(&mut writer);
    drop(writer);
    log.close().unwrap();
    folder
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

fn batch(session: u64, payload: &[u8]) -> Entry<'_> {
    Entry {
        kind: Kind::Batch,
        topic: Topic::Raw,
        data_type: DataType::Player,
        encoding: Encoding::Identity,
        session,
        project: 7,
        split: 0,
        label: None,
        flags: Flags::NONE,
        ext: &[],
        payload,
    }
}

#[test]
fn sessions_with_malformed_batches_are_listed_with_their_first_fault() {
    let packed = zstd::bulk::compress(WHOLE, 1).unwrap();
    let cut = [&WHOLE[..8], &[9, 0, 0, 5]].concat();
    let mut back = WHOLE.to_vec();
    back[3] = 1;
    let data = data(|writer| {
        let mut ext = Vec::new();
        ExtWriter::new(&mut ext).push(ext_type::SESSION_ROW, br#"{"tracker_version":"18.0.7"}"#).unwrap();
        for session in 1..=6 {
            append(writer, &Entry { kind: Kind::Start, ext: &ext, ..batch(session, &[1]) });
            append(writer, &batch(session, WHOLE));
        }
        append(writer, &Entry { encoding: Encoding::Zstd, ..batch(1, &packed) });
        append(writer, &Entry { encoding: Encoding::Gzip, ..batch(2, &packed) });
        append(writer, &batch(3, &cut));
        append(writer, &batch(3, b"{}"));
        append(writer, &Entry { split: 4, data_type: DataType::Visual, ..batch(4, &[WHOLE, WHOLE].concat()) });
        append(writer, &batch(5, &back));
        append(writer, &Entry { flags: Flags::UNUSABLE, topic: Topic::None, ..batch(6, WHOLE) });
    });
    let found = lines(&printed(&["sessions", "--broken", "--json"], data.path()));
    let brief = |line: &Value| {
        let number = |key: &str| line[key].as_u64().unwrap();
        let counts = [number("broken"), number("unusable"), number("index_steps_back")];
        (line["session_id"].as_str().unwrap().to_owned(), counts, line["kind"].as_str().unwrap().to_owned())
    };
    let expected = [
        ("2", [1, 0, 0], "compression"),
        ("3", [2, 0, 0], "size"),
        ("4", [1, 0, 0], "split"),
        ("5", [0, 0, 1], "index"),
        ("6", [0, 1, 0], "unusable"),
    ];
    let brief: Vec<_> = found.iter().map(brief).collect();
    assert_eq!(brief, expected.map(|(session, counts, kind)| (session.to_owned(), counts, kind.to_owned())));
    assert_eq!(
        (&found[1]["tracker"], &found[1]["offset"], &found[1]["batches"]),
        (&"18.0.7".into(), &6.into(), &3.into())
    );
    assert!(found[1]["fault"].as_str().unwrap().contains("overruns"), "{found:?}");
    assert!(found[1]["cost"].as_str().unwrap().contains("dropped as a whole"), "{found:?}");
    assert!(found.iter().all(|line| line["record"].as_str().unwrap().contains("/0/")), "{found:?}");
    let table = printed(&["sessions", "--broken"], data.path());
    assert_eq!(table.lines().count(), 6, "{table}");
    assert!(printed(&["sessions", "--broken", "--json", "--project", "8"], data.path()).is_empty());

    // A batch that was kept although it can't be used is listed, but replayed only on request.
    let kept = lines(&printed(&["inspect", "--unusable", "--json"], data.path()));
    assert_eq!(kept.len(), 1);
    assert_eq!((&kept[0]["session_id"], &kept[0]["flags"][0]), (&"6".into(), &"unusable".into()));
    let sent = |more: &[&str]| lines(&printed(&[&["replay", "--to", "-"], more].concat(), data.path())).len();
    assert_eq!((sent(&[]), sent(&["--unusable"])), (12, 13));
}

#[test]
fn every_coding_of_a_sound_batch_is_read() {
    let deflated = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(WHOLE).unwrap();
        encoder.finish().unwrap()
    };
    let mut brotli = Vec::new();
    let mut encoder = ::brotli::CompressorWriter::new(&mut brotli, 4096, 5, 22);
    encoder.write_all(WHOLE).unwrap();
    drop(encoder);
    let zstd = zstd::bulk::compress(WHOLE, 1).unwrap();
    let data = data(|writer| {
        for (encoding, body) in [(Encoding::Deflate, &deflated), (Encoding::Br, &brotli), (Encoding::Zstd, &zstd)] {
            assert!(Coding::named(encoding.as_str()).is_some());
            append(writer, &Entry { encoding, ..batch(1, body) });
            append(writer, &Entry { encoding, ..batch(2, &body[..body.len() - 1]) });
        }
    });
    let found = lines(&printed(&["sessions", "--broken", "--json"], data.path()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["session_id"], &found[0]["broken"]), (&"2".into(), &3.into()));
}

#[test]
fn no_session_of_a_real_tracker_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures");
    let mut sent = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let version = file.file_name().unwrap().to_str().unwrap().split('-').next().unwrap();
        let row = format!(r#"{{"tracker_version":"{version}"}}"#);
        let mut ext = Vec::new();
        ExtWriter::new(&mut ext).push(ext_type::SESSION_ROW, row.as_bytes()).unwrap();
        let data = data(|writer| {
            for line in text.lines() {
                let request: Value = serde_json::from_str(line).unwrap();
                let (path, query) = request["target"].as_str().unwrap().split_once('?').unwrap_or_default();
                let path = if path.is_empty() { request["target"].as_str().unwrap() } else { path };
                let taken = request["answer"]["status"] == 200 && request["method"] == "POST";
                if !taken || !path.ends_with("/v1/web/i") {
                    continue;
                }
                let header = |name: &str| {
                    let headers = request["headers"].as_array().unwrap();
                    let found = headers.iter().find(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
                    found.map_or("", |pair| pair[1].as_str().unwrap()).to_owned()
                };
                let token = header("authorization");
                let session = u64::from_str_radix(token["Bearer ".len()..].split('.').next().unwrap(), 36).unwrap();
                let split = query.split('&').find_map(|pair| pair.strip_prefix("split="));
                let gzip = header("content-encoding") == "gzip";
                let body = BASE64_STANDARD.decode(request["body_b64"].as_str().unwrap()).unwrap();
                append(writer, &Entry { kind: Kind::Start, ext: &ext, ..batch(session, &[1]) });
                append(
                    writer,
                    &Entry {
                        split: split.map_or(0, |split| split.parse().unwrap()),
                        encoding: if gzip { Encoding::Gzip } else { Encoding::Identity },
                        data_type: header("datatype").parse().unwrap_or(DataType::All),
                        ..batch(session, &body)
                    },
                );
                sent += 1;
            }
        });
        assert_eq!(printed(&["sessions", "--broken", "--json"], data.path()), "", "{}", file.display());
    }
    assert!(sent > 600, "{sent}");
}
