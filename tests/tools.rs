//! The output of the offline tools for damaged logs, word for word; the reader in Python against the reader in Rust; and salvage from a
//! file system that cannot be mounted any more.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use takeup::log::format::record::{DataType, Encoding, Entry, ExtWriter, Flags, Kind, Label, Topic};
use takeup::log::write::writer::{AppendError, Writer};
use takeup::log::{Ack, Log, Options};

const FIXTURES: [&str; 8] =
    ["valid", "torn-tail", "bad-header", "bad-payload", "hole", "newer-version", "truncated-sidecar", "foreign-file"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn takeup(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_takeup")).args(arguments).output().expect("the binary runs")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the fixture") {
        let entry = entry.expect("an entry");
        let into = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &into);
        } else {
            fs::copy(entry.path(), into).expect("a copy");
        }
    }
}

/// What a command prints and how it ends, with placeholders for what differs from run to run.
fn told(arguments: &[&str], replace: &[(&str, &str)]) -> String {
    let output = takeup(arguments);
    let mut text = format!("$ takeup {}\n", arguments.join(" "));
    text.push_str(&String::from_utf8_lossy(&output.stdout));
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        text.push_str(&format!("stderr: {line}\n"));
    }
    text.push_str(&format!("exit code {}\n\n", output.status.code().expect("an exit code")));
    for (from, to) in replace {
        text = text.replace(from, to);
    }
    let lines = text.lines().map(|line| match line.rsplit_once(" checked in ") {
        Some((before, _)) => format!("{before} checked in TIME"),
        None => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn what_the_tools_say_of_each_fixture_is_what_an_operator_needs() {
    for name in FIXTURES {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, new) = (folder.path().join("data"), folder.path().join("new"));
        copy(&root().join("tests/fixtures/log-v1").join(name), &data.join("log"));
        let (data, new) = (data.to_str().expect("UTF-8"), new.to_str().expect("UTF-8"));
        let replace = [(data, "takeup-data"), (new, "rescued")];
        let mut text = String::new();
        for command in [
            &["verify", "--data", data][..],
            &["inspect", "--data", data],
            &["inspect", "--records", "--data", data],
            &["sessions", "--data", data],
            &["salvage", data, new],
            &["verify", "--data", new],
        ] {
            text.push_str(&told(command, &replace));
        }
        let path = root().join(format!("tests/fixtures/log-v1-output/{name}.txt"));
        if std::env::var_os("TAKEUP_WRITE_FIXTURES").is_some() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, &text).expect("the fixture");
        }
        let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text == expected, "{name}: expected\n{expected}\nand the tools say\n{text}");
    }
}

fn append(writer: &mut Writer, entry: &Entry<'_>) {
    loop {
        match writer.append(entry) {
            Ok(_) => break,
            Err(AppendError::NotReady) => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A log of two cores, closed in good order: bodies of many sizes, all kinds, in groups of several records.
fn write_log(dir: &Path, records: usize) {
    let options = Options {
        dir: dir.to_path_buf(),
        cores: 2,
        ack: Ack::Disk,
        segment_bytes: 4 << 20,
        window_bytes: 1 << 20,
        group_bytes_max: 1 << 20,
        reserve_bytes: 0,
        start_reserve_bytes: 0,
        insist: true,
        ..Options::default()
    };
    let (log, _) = Log::open(options).expect("a log");
    let mut writers = [log.writer(0).expect("a writer"), log.writer(1).expect("a writer")];
    for number in 0..records {
        let payload: Vec<u8> = (0..number * 61 % 5000).map(|at| (at * number) as u8).collect();
        let mut ext = Vec::new();
        ExtWriter::new(&mut ext).push_wall_time_ms(1_700_000_000_000 + number as u64).expect("room");
        let entry = Entry {
            kind: [Kind::Batch, Kind::Start, Kind::Image, Kind::Sdk][number % 4],
            topic: Topic::ALL[number % Topic::ALL.len()],
            data_type: DataType::ALL[number % DataType::ALL.len()],
            encoding: Encoding::ALL[number % Encoding::ALL.len()],
            session: u64::MAX - number as u64 % 7,
            project: number as u32 % 3,
            split: number as u32,
            label: Some(Label { page: 1, number: number as u32 }),
            flags: Flags::NONE,
            ext: if number.is_multiple_of(5) { &[] } else { &ext },
            payload: &payload,
        };
        let writer = &mut writers[number % 2];
        append(writer, &entry);
        if number.is_multiple_of(3) {
            writer.kick();
        }
    }
    drop(writers);
    log.close().expect("the log closes");
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(bytes).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn read_log(arguments: &[&Path]) -> Option<Output> {
    script("read-log", arguments)
}

/// What one of our Python scripts prints; `None` where there is no Python.
fn script(name: &str, arguments: &[&Path]) -> Option<Output> {
    let output = Command::new(root().join("scripts").join(name)).args(arguments).output();
    match output {
        Ok(output) if output.status.code() != Some(127) => Some(output),
        _ => {
            println!("not tested: python3 is missing");
            None
        }
    }
}

#[test]
fn the_requests_of_mobile_clients_are_those_that_their_script_builds() {
    let Some(checked) = script("mobile-fixtures", &[Path::new("--check")]) else { return };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_plain_python_reader_reads_a_log_as_takeup_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    write_log(&log, 300);
    let Some(python) = read_log(&[&log]) else { return };
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let data = folder.path().to_str().expect("UTF-8");
    let ours = lines(&takeup(&["inspect", "--records", "--json", "--data", data]).stdout);
    let theirs = lines(&python.stdout);
    assert_eq!((ours.len(), theirs.len()), (300, 300));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        for field in ["id", "received_us", "kind", "topic", "session_id", "project_id", "page", "number", "bytes"] {
            assert_eq!(ours[field], theirs[field], "{field}");
        }
        assert_eq!(ours["data_type"], theirs["data_type"]);
        assert_eq!(ours["encoding"], theirs["encoding"]);
        let number = theirs["number"].as_u64().expect("a number") as usize;
        let body: Vec<u8> = (0..number * 61 % 5000).map(|at| (at * number) as u8).collect();
        assert_eq!(STANDARD.decode(theirs["body"].as_str().expect("text")).expect("base64"), body);
        assert_eq!(theirs["ext"].as_object().expect("an object").len(), usize::from(!number.is_multiple_of(5)));
    }
}

#[test]
fn the_plain_python_reader_notices_what_takeup_notices() {
    for (name, records, code) in
        [("valid", 8, 0), ("bad-header", 3, 1), ("bad-payload", 3, 1), ("hole", 1, 0), ("newer-version", 0, 1)]
    {
        let Some(python) = read_log(&[&root().join("tests/fixtures/log-v1").join(name)]) else { return };
        assert_eq!((lines(&python.stdout).len(), python.status.code()), (records, Some(code)), "{name}");
    }
}

#[test]
fn an_impossible_length_hides_no_record_from_the_plain_python_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = root().join("tests/fixtures/log-v1/valid/core-00/00001700000000000000.seg");
    let path = folder.path().join("00001700000000000000.seg");
    // The first record of a segment of four: as a pad over all of it, and as a record that is longer than the file.
    for kind in [5, 1] {
        let mut bytes = fs::read(&from).expect("the fixture");
        bytes[4096 + 16..4096 + 20].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes[4096 + 56] = kind;
        bytes[4096 + 8..4096 + 12].fill(0);
        let crc = crc32c::crc32c(&bytes[4096..4096 + 64]);
        bytes[4096 + 8..4096 + 12].copy_from_slice(&crc.to_le_bytes());
        fs::write(&path, bytes).expect("the folder takes files");
        let Some(python) = read_log(&[&path]) else { return };
        assert_eq!((lines(&python.stdout).len(), python.status.code()), (3, Some(1)), "kind {kind}");
    }
}

#[test]
fn the_plain_python_reader_is_short_and_plain() {
    let text = fs::read_to_string(root().join("scripts/read-log")).expect("the script");
    assert!(text.lines().count() < 100);
    let imports: Vec<&str> =
        text.lines().filter(|line| line.starts_with("import") || line.starts_with("from")).collect();
    assert_eq!(imports, ["import base64, json, os, struct, sys"]);
}

#[test]
fn the_checksums_in_the_documentation_are_those_of_the_files() {
    let page = fs::read_to_string(root().join("docs/log-format.md")).expect("the page");
    let segment =
        fs::read(root().join("tests/fixtures/log-v1/valid/core-00/00001700000000000000.seg")).expect("a fixture");
    let stored = |at: usize| u32::from_le_bytes(*segment[at..].first_chunk().expect("four bytes"));
    let counting: Vec<u8> = (0..32).collect();
    for crc in [
        crc32c::crc32c(b""),
        crc32c::crc32c(b"123456789"),
        crc32c::crc32c(&[0; 32]),
        crc32c::crc32c(&[0xff; 32]),
        crc32c::crc32c(&counting),
        stored(56),
        stored(4096 + 8),
        stored(4096 + 12),
    ] {
        assert!(page.contains(&format!("`0x{crc:08X}`")), "{crc:08X}");
    }
    assert_eq!(stored(4096 + 12), crc32c::crc32c(&segment[4096 + 64..4096 + 64 + 11 + 15]));
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// The image of an ext4 with a log in it. `None`, with the reason printed, where that is not possible.
fn disk_with_a_log(folder: &Path) -> Option<PathBuf> {
    if !rustix::process::geteuid().is_root() {
        println!("not tested: mounting a file system needs root");
        return None;
    }
    let (image, mount) = (folder.join("image"), folder.join("mount"));
    File::create(&image).and_then(|file| file.set_len(64 << 20)).expect("the folder takes files");
    fs::create_dir(&mount).expect("the folder takes folders");
    let made = run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image));
    let mounted = made.and_then(|()| run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mount)));
    if let Err(reason) = mounted {
        println!("not tested: {reason}");
        return None;
    }
    write_log(&mount.join("log"), 200);
    copy(&mount.join("log"), &folder.join("sound/log"));
    run(Command::new("umount").arg(&mount)).expect("the disk is given back");
    Some(image)
}

#[test]
fn a_disk_that_cannot_be_mounted_gives_back_its_records_with_their_ids() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let Some(image) = disk_with_a_log(folder.path()) else { return };
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let records = |data: &str| lines(&takeup(&["inspect", "--records", "--json", "--data", data]).stdout);
    let sound = records(&path("sound"));
    assert_eq!(sound.len(), 200);
    // Overwrites the first blocks, which a mount needs, and one record.
    let file = fs::OpenOptions::new().read(true).write(true).open(&image).expect("the image");
    file.write_all_at(&[0x5a; 256 << 10], 0).expect("the image takes damage");
    let victim = sound[77]["number"].as_u64().expect("a number") as usize;
    let body: Vec<u8> = (0..victim * 61 % 5000).map(|at| (at * victim) as u8).collect();
    let bytes = fs::read(&image).expect("the image");
    let at = bytes.windows(body.len()).position(|window| window == body).expect("the record's body");
    file.write_all_at(&[!body[body.len() / 2]], (at + body.len() / 2) as u64).expect("the image takes damage");
    let output = takeup(&["salvage", image.to_str().expect("UTF-8"), &path("rescued"), "--json"]);
    let report = &lines(&output.stdout)[0];
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&report["records"], &report["records_with_new_ids"]), (&199.into(), &0.into()), "{report}");
    assert_eq!(report["lost_places"], 1);
    let rescued = records(&path("rescued"));
    let known = rescued.iter().filter(|line| line["id"].is_string()).collect::<Vec<_>>();
    let expected: Vec<&Value> = sound.iter().filter(|line| line["number"] != victim).collect();
    assert_eq!(known, expected);
    let verified = takeup(&["verify", "--data", &path("rescued")]);
    // What is missing is known by now, and still missing.
    assert_eq!(verified.status.code(), Some(3), "{}", String::from_utf8_lossy(&verified.stdout));
    let merged = takeup(&["replay", "--to", "-", "--data", &path("rescued")]);
    let ids = lines(&merged.stdout);
    assert!(merged.status.success() && !ids.is_empty());
}
