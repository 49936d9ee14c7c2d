//! Records as NDJSON in files.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use takeup::log::read::merge::Merge;
use takeup::log::read::reader::LogReader;

use crate::common::{Disk, DiskKind, Home, PATIENCE, Request, Server, wait_for};

/// The lines of all files, finished ones first.
fn lines(dir: &Path) -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|path| (path.extension().is_some_and(|suffix| suffix == "part"), path.clone()));
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    let whole = |text: &str| text.rfind('\n').map_or(String::new(), |end| text[..=end].to_owned());
    let parse = |line: &str| serde_json::from_str(line).expect("each line is JSON");
    files.iter().flat_map(|path| whole(&text(path)).lines().map(parse).collect::<Vec<Value>>()).collect()
}

/// Every record in the log, as its line should be: id, kind, session, label, extension and body.
fn expected(data: &Path) -> Vec<Value> {
    let reader = LogReader::open(&data.join("log")).unwrap();
    let mut merge = Merge::new(reader);
    let mut all = Vec::new();
    while let Some(record) = merge.next_settled().unwrap() {
        let label = record.label.map(|label| (label.page, label.number)).unzip();
        all.push(serde_json::json!({
            "id": record.id.to_string(), "kind": record.kind.as_str(), "session_id": record.session.to_string(),
            "project_id": record.project, "page": label.0, "number": label.1,
            "ext": STANDARD.encode(record.ext.0), "body": STANDARD.encode(record.payload),
        }));
    }
    all
}

/// The same fields of the lines.
fn fields(lines: &[Value]) -> Vec<Value> {
    let of = |line: &Value| {
        let mut fields = serde_json::Map::new();
        for name in ["id", "kind", "session_id", "project_id", "page", "number", "ext", "body"] {
            // No extension is no field.
            let value = if name == "ext" { line.get(name).cloned().unwrap_or("".into()) } else { line[name].clone() };
            fields.insert(name.to_owned(), value);
        }
        Value::Object(fields)
    };
    lines.iter().map(of).collect()
}

#[track_caller]
fn assert_same(found: &[Value], wanted: &[Value]) {
    let differs = found.iter().zip(wanted).position(|(found, wanted)| found != wanted);
    let at = differs.map(|at| (at, &found[at], &wanted[at]));
    assert!(at.is_none() && found.len() == wanted.len(), "{} of {}, different at {at:?}", found.len(), wanted.len());
}

fn send(server: &Server, token: &str, numbers: std::ops::Range<u32>) {
    let mut connection = server.connect();
    for number in numbers {
        let batch = Request::post(&format!("/v1/web/i?batch=1_{number}")).token(token).body(format!("batch {number}"));
        let answer = connection.exchange(batch);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn every_record_is_in_the_files_once_and_in_order_also_after_kills() {
    let home = Home::new();
    let dir = home.data().with_extension("out");
    let path = dir.display().to_string();
    // Files of a few records, so that kills meet rotations, too.
    let settings = [("file_path", &*path), ("file_rotate_bytes", "2KiB"), ("shipment_records", "7")];
    let mut token = String::new();
    for round in 0..5 {
        let server = home.serve(&settings);
        if round == 0 {
            token = server.start_session(&home.project_key());
        }
        send(&server, &token, 100 * round..100 * round + 60);
        // Some of it is in the files, and the rest is not.
        wait_for("the first lines", PATIENCE, || (lines(&dir).len() > 60 * round as usize).then_some(()));
        server.kill();
    }
    let server = home.serve(&settings);
    let wanted = expected(home.data());
    assert_eq!(wanted.len(), 301);
    wait_for("all records", PATIENCE, || (lines(&dir).len() >= wanted.len()).then_some(()));
    server.stop();
    assert_same(&fields(&lines(&dir)), &wanted);
    let finished = fs::read_dir(&dir).unwrap().filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|suffix| suffix == "ndjson"))
    });
    assert!(finished.count() > 3);
}

#[test]
fn a_full_disk_delays_lines_and_nothing_else() {
    let Some(disk) = Disk::of(DiskKind::Tmpfs, 1 << 20) else { return };
    let home = Home::new();
    let dir = disk.path("out");
    let filler = disk.path("filler");
    fs::write(&filler, vec![0; 2 << 20]).unwrap_err();
    let server = home.serve(&[("file_path", &dir.display().to_string())]);
    let token = server.start_session(&home.project_key());
    send(&server, &token, 0..50);
    server.wait_for_line(&["a destination takes no records", "\"full\""], PATIENCE);
    fs::remove_file(&filler).unwrap();
    server.wait_for_line(&["a destination takes records again"], PATIENCE);
    let wanted = expected(home.data());
    wait_for("all records", PATIENCE, || (lines(&dir).len() >= wanted.len()).then_some(()));
    server.stop();
    assert_same(&fields(&lines(&dir)), &wanted);
}
