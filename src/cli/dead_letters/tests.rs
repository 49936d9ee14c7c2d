use std::cell::RefCell;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;

use super::super::output::Out;
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: DeadLettersArgs,
}

#[derive(Clone, Default)]
struct Shown(Rc<RefCell<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn run(data: &Path, arguments: &[&str]) -> Result<String, String> {
    let line = Line::try_parse_from([&["dead-letters"], arguments].concat()).map_err(|error| error.to_string())?;
    let shown = Shown::default();
    let mut out = Out::new(Box::new(shown.clone()), false);
    let code = work(&line.args, data, &mut out).map_err(|error| error.to_string())?;
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    out.finish().unwrap();
    let bytes = shown.0.borrow().clone();
    Ok(String::from_utf8(bytes).unwrap())
}

const ID: &str = "b7ed44a2-a986-497d-a879-cb862554e15c/0/1795581263307359/";

/// A data folder with dead letters of these offsets; the last line is half a line.
fn folder(offsets: &[u64]) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir(data.path().join("dead-letters")).unwrap();
    let mut text = String::new();
    for offset in offsets {
        text += &format!(
            r#"{{"time_ms":1700000000123,"courier":"courier-redis","trouble":"cannot-build","code":"","error":"too large\u001b[31m","id":"{ID}{offset}","received_us":1795581263307359,"kind":"batch","topic":"raw","data_type":"all","encoding":"identity","session_id":"2691351900602760960","project_id":7,"split":0,"page":null,"number":null,"flags":0,"ext_base64":"","payload_base64":"YWJjAAE="}}"#
        );
        text.push('\n');
    }
    text += "{\"time_ms\":17000\n";
    std::fs::write(data.path().join("dead-letters/courier-redis.ndjson"), text).unwrap();
    data
}

#[test]
fn the_list_says_why_each_was_refused_and_drives_no_terminal() {
    let data = folder(&[64, 128]);
    let text = run(data.path(), &[]).unwrap();
    assert!(text.contains(&format!("{ID}128")) && text.contains("cannot-build"), "{text}");
    assert!(text.contains("too large\\u{1b}[31m"), "{text}");
    assert!(text.contains("line 3 can't be read"), "{text}");
    let json = run(data.path(), &["list", "courier-redis", "--json"]).unwrap();
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[1]["line"], &lines[1]["bytes"]), (&2.into(), &5.into()));
    assert!(lines[2]["fault"].is_string());
    assert!(run(data.path(), &["list", "courier-kafka"]).unwrap().contains("no dead letters"));
}

#[test]
fn one_is_shown_whole_by_its_line_or_its_record_and_its_payload_written() {
    let data = folder(&[64, 128]);
    let file = data.path().join("payload");
    let id = format!("{ID}128");
    let arguments = ["show", "courier-redis", &id, "--payload", file.to_str().unwrap()];
    let text = run(data.path(), &arguments).unwrap();
    assert!(text.contains("line      2\n") && text.contains("61 62 63 00 01"), "{text}");
    assert_eq!(std::fs::read(&file).unwrap(), b"abc\0\x01");
    assert!(run(data.path(), &arguments).unwrap_err().contains("payload"), "what is there is not written over");
    let error = run(data.path(), &["show", "courier-redis", "9"]).unwrap_err();
    assert!(error.contains("no dead letter with line 9"), "{error}");
}

#[test]
fn what_is_dropped_goes_and_nothing_else_and_only_when_it_is_meant() {
    let data = folder(&[64, 128, 192]);
    let path = data.path().join("dead-letters/courier-redis.ndjson");
    let before = std::fs::read_to_string(&path).unwrap();
    let error = run(data.path(), &["drop", "courier-redis", "2"]).unwrap_err();
    assert!(error.contains("--yes"), "{error}");
    let error = run(data.path(), &["drop", "courier-redis", "2", "8", "--yes"]).unwrap_err();
    assert!(error.contains("line 8"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    run(data.path(), &["drop", "courier-redis", "2", "4", "--yes"]).unwrap();
    let kept: Vec<&str> =
        before.lines().enumerate().filter(|(at, _)| [0, 2].contains(at)).map(|(_, line)| line).collect();
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), kept);
}

#[test]
fn of_two_same_lines_only_the_one_that_is_meant_goes() {
    let data = folder(&[64, 64]);
    run(data.path(), &["drop", "courier-redis", "1", "--yes"]).unwrap();
    assert_eq!(run(data.path(), &["--json"]).unwrap().lines().count(), 2);
}

#[test]
fn sending_needs_the_settings_of_the_courier() {
    let data = folder(&[64]);
    let error = run(data.path(), &["send", "courier-nowhere", "--all"]).unwrap_err();
    assert!(error.contains("configure no courier courier-nowhere"), "{error}");
    assert!(run(data.path(), &["send", "courier-nowhere"]).is_err());
}

#[test]
fn of_a_wrong_folder_it_is_not_said_that_there_are_none() {
    let empty = tempfile::tempdir().unwrap();
    for data in [empty.path(), &empty.path().join("missing")] {
        for arguments in [&["list"][..], &[], &["list", "courier-redis"], &["send", "courier-redis", "--all"]] {
            let error = run(data, arguments).unwrap_err();
            assert!(error.contains("no log"), "{error}");
        }
    }
}

#[test]
fn what_was_sent_meanwhile_is_not_said_to_be_dropped() {
    let data = folder(&[64, 128]);
    let courier = "courier-redis".parse().unwrap();
    let mut changes = change::Changes::default();
    for content in ["gone meanwhile", "this too"] {
        changes.add(pick::Content::of(content.as_bytes()), change::Change::Remove);
    }
    assert_eq!(changes.apply(data.path(), &courier).unwrap(), 0);
}
