//! What must be durable before what: the system calls of `takeup compact` and `takeup erase`, in order. A power cut between any two of them then leaves the old state
//! or the new one.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Home, PATIENCE, Request, finish};

/// A system call that succeeded, on paths below the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    Wrote(String),
    Synced(String),
    Renamed(String, String),
    Removed(String),
    Made(String),
}

const CALLS: &str =
    "trace=write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat";

/// Runs a command on the data folder, and returns its calls.
#[track_caller]
fn trace(home: &Home, arguments: &[&str]) -> Vec<Call> {
    let data = fs::canonicalize(home.data()).expect("the data folder");
    let out = data.with_file_name("strace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "400", "-e", CALLS, "-o"]).arg(&out);
    command.arg(env!("CARGO_BIN_EXE_takeup")).arg("--data").arg(&data).args(arguments);
    command.env_clear().stdin(Stdio::null());
    let finished = finish(command, 2 * PATIENCE);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let text = fs::read(&out).expect("strace writes");
    let text = String::from_utf8_lossy(&text);
    let calls: Vec<Call> = text.lines().filter_map(|line| call(line, &data)).collect();
    assert!(calls.len() > 10, "{text}");
    calls
}

/// A line such as `17 fsync(5</data/log/x>) = 0`. A call that others interrupt stands in two lines, of which the first has its arguments.
fn call(line: &str, data: &Path) -> Option<Call> {
    let (name, arguments) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    let has_failed = arguments.contains(" = -1 ");
    let paths = paths(arguments, data);
    let (first, last) = (paths.first().cloned().filter(|_| !has_failed)?, paths.last().cloned()?);
    match name {
        "write" | "pwrite64" | "writev" | "pwritev" => Some(Call::Wrote(first)),
        "fsync" | "fdatasync" => Some(Call::Synced(first)),
        "rename" | "renameat" | "renameat2" => Some(Call::Renamed(first, last)),
        "unlink" | "unlinkat" => Some(Call::Removed(last)),
        "mkdir" | "mkdirat" => Some(Call::Made(last)),
        _ => None,
    }
}

/// The paths below the data folder, relative to it: of descriptors, and of texts.
fn paths(arguments: &str, data: &Path) -> Vec<String> {
    let below = format!("{}", data.display());
    arguments
        .split(['<', '"'])
        .filter_map(|part| part.split(['>', '"']).next()?.strip_prefix(&below))
        .map(|path| path.trim_start_matches('/').to_owned())
        .collect()
}

/// What a power cut might still undo.
#[derive(Debug, Default)]
struct Disk {
    /// Files with bytes that were not synced.
    dirty: BTreeSet<String>,
    /// New names, by their folders, which were not synced.
    names: BTreeMap<String, BTreeSet<String>>,
}

fn folder(path: &str) -> String {
    Path::new(path).parent().map(Path::display).map(|folder| folder.to_string()).unwrap_or_default()
}

impl Disk {
    fn follow(&mut self, call: &Call) {
        match call {
            Call::Wrote(path) => drop(self.dirty.insert(path.clone())),
            Call::Synced(path) => {
                self.dirty.remove(path);
                self.names.remove(path);
            }
            Call::Renamed(from, to) => {
                assert!(!self.dirty.contains(from), "{from} gets the name {to} before its bytes are durable");
                self.names.entry(folder(to)).or_default().insert(to.clone());
            }
            Call::Made(path) => drop(self.names.entry(folder(path)).or_default().insert(path.clone())),
            Call::Removed(path) => {
                self.dirty.remove(path);
            }
        }
    }

    /// Demands that nothing below this folder could be undone.
    #[track_caller]
    fn check_durable(&self, below: &str, before: &str) {
        let dirty: Vec<_> = self.dirty.iter().filter(|path| path.starts_with(below)).collect();
        let names: Vec<_> = self.names.values().flatten().filter(|path| path.starts_with(below)).collect();
        assert!(
            dirty.is_empty() && names.is_empty(),
            "{before}, and {dirty:?} and the names {names:?} are not durable"
        );
    }
}

fn is_whole(path: &str, ending: &str) -> bool {
    path.ends_with(ending)
}

/// Follows changes of an archive: its files and their names are durable before a manifest names them, and the manifest is before old files go.
#[track_caller]
fn check_archive(calls: &[Call]) -> usize {
    let (mut disk, mut manifests) = (Disk::default(), 0);
    for call in calls {
        match call {
            Call::Renamed(_, to) if to == "archive/manifest.json" => {
                disk.check_durable("archive/", "the manifest is replaced");
                manifests += 1;
            }
            Call::Removed(path) if path.starts_with("archive/") && is_whole(path, ".parquet") => {
                disk.check_durable("archive/", &format!("{path} is removed"));
            }
            Call::Removed(path) if path.starts_with("archive/manifest/") && is_whole(path, ".json") => {
                disk.check_durable("archive/", &format!("{path} is removed"));
            }
            _ => {}
        }
        disk.follow(call);
    }
    disk.check_durable("archive/", "the command ends");
    manifests
}

fn record(home: &Home, sessions: std::ops::Range<u64>) {
    let server = home.serve(&[]);
    for session in sessions {
        let body = format!("of session {session} ").repeat(100);
        assert_eq!(server.connect().exchange(Request::batch(&home.token(session), body)).status, 200);
    }
    server.stop();
}

#[test]
fn files_of_an_archive_are_durable_before_the_manifest_and_the_manifest_before_old_files_go() {
    let home = Home::new();
    record(&home, 1..20);
    assert!(check_archive(&trace(&home, &["compact", "--merge", "none"])) >= 2, "begun, and a chunk");
    record(&home, 20..40);
    // A chunk, and merges of all tables.
    let calls = trace(&home, &["compact", "--merge", "all"]);
    assert!(check_archive(&calls) >= 3);
    let removed = calls.iter().filter(|call| matches!(call, Call::Removed(path) if is_whole(path, ".parquet"))).count();
    assert!(removed >= 4, "what was merged goes");
}

#[test]
fn an_erasure_is_noted_before_anything_is_changed_and_each_copy_is_durable_before_its_name_and_after_its_sidecar() {
    let home = Home::new();
    record(&home, 1..20);
    assert_eq!(home.takeup(&["compact"]).code, Some(0));
    let calls = trace(&home, &["erase", "--yes", "--session", "7", "--session", "9"]);
    assert!(check_archive(&calls) >= 1, "the archive's files are replaced");

    let mut disk = Disk::default();
    let (mut is_noted, mut sidecars, mut segments) = (false, BTreeSet::new(), 0);
    for call in &calls {
        let changes = match call {
            Call::Renamed(_, to) => {
                to.starts_with("log/core-") || to.starts_with("archive/") && to != "archive/erasures"
            }
            Call::Removed(path) => path.starts_with("log/core-") || path.starts_with("archive/"),
            _ => false,
        };
        if changes {
            assert!(is_noted, "{call:?} before it was noted what is erased");
            disk.check_durable("erase/", &format!("{call:?}"));
        }
        match call {
            Call::Renamed(_, to) if to == "erase/pending.json" => is_noted = true,
            Call::Renamed(_, to) if is_whole(to, ".seg") => {
                let sidecar = PathBuf::from(to).with_extension("json").display().to_string();
                assert!(sidecars.contains(&sidecar), "{to} before its sidecar");
                disk.check_durable("log/core-", &format!("{to} is replaced"));
                segments += 1;
            }
            Call::Renamed(_, to) if to.starts_with("log/core-") => drop(sidecars.insert(to.clone())),
            Call::Removed(path) if path == "erase/pending.json" => {
                disk.check_durable("log/core-", "what was noted goes");
                disk.check_durable("archive/", "what was noted goes");
                is_noted = false;
            }
            _ => {}
        }
        disk.follow(call);
    }
    assert!(segments > 0 && !is_noted, "{segments} segments; it is finished");
}
