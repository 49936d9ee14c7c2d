//! The archive's copy in an object store: what its manifest names is there at every moment, whatever happened while it was copied.
#![cfg(all(feature = "archive", feature = "object-store"))]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive_store/copied.rs"]
#[allow(missing_docs)]
mod copied;

#[path = "archive_store/partial.rs"]
mod partial;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use common::services::{Relay, RelayMode, S3, kept};
use common::{Home, PATIENCE, Server, finish, wait_for};
use copied::{Copied, local};

/// The prefix in the bucket.
const PREFIX: &str = "archives/a";

/// The settings for the copy in the bucket, by way of this port.
fn settings(s3: &S3, port: u16) -> Vec<(String, String)> {
    let mut settings = vec![
        ("archive_store".to_owned(), format!("s3://{}/{PREFIX}", s3.bucket())),
        ("aws_endpoint".to_owned(), format!("http://127.0.0.1:{port}")),
    ];
    let named = [
        ("AWS_REGION", "aws_region"),
        ("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
    ];
    for (variable, value) in s3.environment() {
        settings.extend(
            named.iter().filter(|(from, _)| *from == variable).map(|(_, to)| ((*to).to_owned(), value.clone())),
        );
    }
    settings
}

fn serve(home: &Home, settings: &[(String, String)]) -> Server {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    home.serve(&settings)
}

/// `takeup compact`, with the copy in the bucket if it is given one.
fn compact(data: &Path, s3: Option<(&S3, u16)>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
    command.env_clear().arg("--data").arg(data).args(["compact", "--json", "--chunk", "1"]).args(arguments);
    if let Some((s3, port)) = s3 {
        command.envs(s3.environment()).env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}"));
        command.args(["--store", &format!("s3://{}/{PREFIX}", s3.bucket())]);
    }
    command
}

#[track_caller]
fn run(command: Command) -> Value {
    let finished = finish(command, PATIENCE);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.lines().remove(0)
}

/// Starts of sessions, so that an archive has something new.
fn record(server: &Server, home: &Home, sessions: usize) {
    (0..sessions).for_each(|_| drop(server.start_session(&home.project_key())));
}

/// What health says about the courier: its fault, if it has one.
fn fault(server: &Server) -> Option<String> {
    let health: Value = server.admin_page("/health").json();
    let couriers = health["checks"]["courier"].as_array().unwrap_or_else(|| panic!("no courier: {health}"));
    let one = couriers.iter().find(|one| one["componentId"] == "courier-archive").expect("it is configured");
    one["output"].as_str().map(str::to_owned)
}

#[track_caller]
fn wait_for_fault(server: &Server, text: &str) {
    wait_for(&format!("health to tell {text:?}"), PATIENCE, || fault(server)?.contains(text).then_some(()));
}

/// Waits until the store has what the folder has, and nothing else.
#[track_caller]
fn wait_until_copied(data: &Path, s3: &S3) {
    wait_for("the store to be up to date", PATIENCE, || Copied::of(s3, PREFIX).is_same(&local(data)).then_some(()));
}

#[test]
fn a_server_copies_each_change_of_the_archive_and_removes_what_a_merge_has_replaced() {
    let s3 = S3::new();
    let home = Home::new();
    let server = serve(&home, &settings(&s3, s3.port()));
    s3.put(&format!("{PREFIX}/notes.txt"), "somebody else's");
    for _ in 0..3 {
        record(&server, &home, 2);
        run(compact(home.data(), None, &["--merge", "none"]));
        wait_until_copied(home.data(), &s3);
    }
    let before = Copied::of(&s3, PREFIX);
    run(compact(home.data(), None, &["--merge", "all"]));
    wait_until_copied(home.data(), &s3);
    let after = Copied::of(&s3, PREFIX);
    assert!(after.files() < before.files(), "what was merged is removed there");
    wait_for("the courier to be well", PATIENCE, || fault(&server).is_none().then_some(()));

    // Its state is told as that of other couriers is; it holds nothing back in the log.
    let couriers: Value = server.admin_page("/couriers").json();
    let one = couriers.as_array().and_then(|all| all.iter().find(|one| one["name"] == "courier-archive"));
    let one = one.unwrap_or_else(|| panic!("{couriers}"));
    assert_eq!((&one["state"], &one["lag"]["records"]), (&"ready".into(), &0.into()), "{one}");
    assert!(one["items"].as_u64() > Some(3) && one["records"].as_u64() >= Some(6), "{one}");
    let consumers = home.takeup(&["consumers", "--json"]).lines();
    let line = consumers.iter().find(|line| line["consumer"] == "courier-archive").expect("it has a cursor");
    assert_eq!(line["holds"], false, "{line}");
    server.stop();
    assert_eq!(s3.get(&format!("{PREFIX}/notes.txt")).as_deref(), Some(&b"somebody else's"[..]));
}

#[test]
fn a_store_that_is_away_is_told_and_gets_everything_when_it_is_back() {
    let s3 = S3::new();
    let relay = Relay::to(s3.port());
    let home = Home::new();
    let server = serve(&home, &settings(&s3, relay.port()));
    record(&server, &home, 1);
    run(compact(home.data(), None, &[]));
    wait_until_copied(home.data(), &s3);
    relay.set(RelayMode::Refuse);
    relay.cut();
    record(&server, &home, 3);
    run(compact(home.data(), None, &["--merge", "none"]));
    wait_for_fault(&server, "cannot be reached");
    run(compact(home.data(), None, &["--merge", "all"]));
    assert!(!Copied::of(&s3, PREFIX).is_same(&local(home.data())));
    relay.set(RelayMode::Pass);
    wait_until_copied(home.data(), &s3);
    wait_for("the courier to be well", PATIENCE, || fault(&server).is_none().then_some(()));
    server.stop();
}

#[test]
fn a_kill_at_any_moment_of_the_copy_leaves_a_whole_archive_and_the_next_run_completes_it() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(12, |text| text.parse().expect("a number"));
    let s3 = S3::new();
    let relay = Relay::to(s3.port());
    relay.set(RelayMode::Slow(300_000));
    let home = Home::new();
    let server = home.serve(&[]);
    let mut killed = 0;
    let mut files = 0;
    for round in 0..rounds {
        record(&server, &home, 1);
        // Small files, so that the next merge has something to replace.
        run(compact(home.data(), None, &["--merge", "none"]));
        let merge = if round % 3 == 2 { "all" } else { "none" };
        let mut command = compact(home.data(), Some((&s3, relay.port())), &["--merge", merge]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        // Spread over the run, differently in each round; a prime keeps them apart.
        std::thread::sleep(Duration::from_millis(30 + round * 7_919 % 600));
        child.kill().expect("a child can be killed");
        killed += u64::from(child.wait().expect("a child").code().is_none());
        files = files.max(Copied::of(&s3, PREFIX).check_whole());
        if round % 4 == 3 || round + 1 == rounds {
            run(compact(home.data(), Some((&s3, s3.port())), &["--merge", merge]));
            let there = Copied::of(&s3, PREFIX);
            there.check_whole();
            assert!(there.is_same(&local(home.data())), "nothing is missing, and nothing is left over");
        }
    }
    server.stop();
    assert!(killed > 0 && files > 0, "some were killed before their end");
}

#[test]
fn a_server_that_is_killed_while_it_copies_goes_on_at_the_next_start() {
    let s3 = S3::new();
    let relay = Relay::to(s3.port());
    relay.set(RelayMode::Slow(20_000));
    let home = Home::new();
    let through = settings(&s3, relay.port());
    let server = serve(&home, &through);
    record(&server, &home, 5);
    run(compact(home.data(), None, &[]));
    wait_for("some of it to be there", PATIENCE, || (s3.keys().len() > 1).then_some(()));
    server.kill();
    Copied::of(&s3, PREFIX).check_whole();
    relay.set(RelayMode::Pass);
    let server = serve(&home, &through);
    wait_until_copied(home.data(), &s3);
    server.stop();
}

#[test]
fn two_archives_never_write_to_one_place() {
    let s3 = S3::new();
    let (home, other) = (Home::new(), Home::new());
    for home in [&home, &other] {
        let server = home.serve(&[]);
        record(&server, home, 1);
        server.stop();
    }
    run(compact(home.data(), Some((&s3, s3.port())), &[]));
    let before = s3.keys();

    // An archive of another log.
    let refused = finish(compact(other.data(), Some((&s3, s3.port())), &[]), PATIENCE);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("another archive is there") && refused.stderr.contains("prefix"), "{refused:?}");
    assert_eq!(s3.keys(), before);

    // A copy of the data folder, which goes its own way.
    let copy = tempfile::tempdir().expect("a folder");
    let copied = Command::new("cp").arg("-a").arg(home.data()).arg(copy.path()).status().expect("cp runs");
    assert!(copied.success());
    let twin = copy.path().join(home.data().file_name().expect("a name"));
    let server = home.serve(&[]);
    record(&server, &home, 1);
    server.stop();
    run(compact(home.data(), Some((&s3, s3.port())), &["--merge", "none"]));
    let before = s3.keys();
    let twin_home = Home::with_data(&twin);
    let server = twin_home.serve(&[]);
    server.stop();
    let refused = finish(compact(&twin, Some((&s3, s3.port())), &["--merge", "all"]), PATIENCE);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("another takeup") && refused.stderr.contains("archive-store.json"), "{refused:?}");
    assert_eq!(s3.keys(), before);
    Copied::of(&s3, PREFIX).check_whole();
}

#[test]
fn without_its_record_the_store_is_listed_and_only_an_archives_names_are_removed() {
    let s3 = S3::new();
    let home = Home::new();
    let server = home.serve(&[]);
    record(&server, &home, 1);
    run(compact(home.data(), Some((&s3, s3.port())), &[]));
    let stray = format!("{PREFIX}/events/date=2020-01-01/hour=00/00000000000000000001-7.parquet");
    let list = format!("{PREFIX}/manifest/2020-01-01-3.json");
    let foreign = format!("{PREFIX}/events/date=2020-01-01/notes.parquet");
    [&stray, &list, &foreign].iter().for_each(|key| s3.put(key, "x"));
    fs::remove_file(home.data().join("archive-store.json")).expect("the record goes");
    record(&server, &home, 1);
    server.stop();
    run(compact(home.data(), Some((&s3, s3.port())), &[]));
    let keys = s3.keys();
    assert!(keys.contains(&foreign) && !keys.contains(&stray) && !keys.contains(&list), "{keys:?}");
    s3.remove(&foreign);
    assert!(Copied::of(&s3, PREFIX).is_same(&local(home.data())));

    // A bucket that comes back empty gets everything again.
    s3.restart_empty();
    run(compact(home.data(), Some((&s3, s3.port())), &[]));
    assert!(Copied::of(&s3, PREFIX).is_same(&local(home.data())));
}

#[test]
fn verify_reads_an_archive_here_and_in_the_store_and_names_what_is_missing_or_damaged() {
    let s3 = S3::new();
    let home = Home::new();
    let server = home.serve(&[]);
    record(&server, &home, 2);
    server.stop();
    let verify = |address: &[&str], json: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
        command.env_clear().envs(s3.environment()).arg("--data").arg(home.data()).args(["verify", "--archive"]);
        command.args(address).args(json.then_some("--json"));
        finish(command, PATIENCE)
    };
    let absent = verify(&[], false);
    assert!(absent.code == Some(2) && absent.stderr.contains("there is no archive"), "{absent:?}");
    run(compact(home.data(), Some((&s3, s3.port())), &[]));
    let url = format!("s3://{}/{PREFIX}", s3.bucket());
    let folder = home.data().join("archive").display().to_string();
    for address in [&[][..], &[&*folder], &[&*url]] {
        let whole = verify(address, true);
        assert_eq!(whole.code, Some(0), "{whole:?}");
        let last = whole.lines().pop().expect("a line");
        assert_eq!((&last["ok"], &last["faults"]), (&true.into(), &0.into()), "{last}");
        assert_eq!(last["files"], local(home.data()).files(), "{last}");
    }
    let files: Vec<String> = s3.keys().into_iter().filter(|key| key.ends_with(".parquet")).collect();
    let whole = s3.get(&files[1]).expect("it is there");
    s3.remove(&files[0]);
    s3.put(&files[1], &"x".repeat(whole.len()));
    let faulty = verify(&[&url], false);
    assert_eq!(faulty.code, Some(1), "{faulty:?}");
    for (file, what) in [(&files[0], "missing"), (&files[1], "damaged")] {
        let named = faulty.stdout.lines().any(|line| line.contains(&**file) && line.contains(what));
        assert!(named, "{file} is {what}: {faulty:?}");
    }
    assert_eq!(verify(&[], false).code, Some(0), "the folder's own is whole");
    let list = s3.keys().into_iter().find(|key| key.contains("/manifest/")).expect("a list");
    s3.remove(&list);
    let faulty = verify(&[&url], true);
    assert_eq!(faulty.code, Some(1), "{faulty:?}");
    assert!(faulty.stdout.contains(list.trim_start_matches(PREFIX)), "{faulty:?}");
    s3.remove(&format!("{PREFIX}/manifest.json"));
    assert_eq!(verify(&[&url], false).code, Some(2), "there is no archive");
}

#[test]
fn pyarrow_reads_the_copy_in_the_store() {
    let s3 = S3::new();
    let home = Home::new();
    let server = home.serve(&[]);
    record(&server, &home, 3);
    server.stop();
    run(compact(home.data(), Some((&s3, s3.port())), &[]));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archive_store/read.py");
    let mut command = Command::new(kept().join("python/bin/python3"));
    command.arg(script).args([&s3.endpoint(), &format!("{}/{PREFIX}/sessions", s3.bucket())]).envs(s3.environment());
    let finished = finish(command, PATIENCE);
    assert_eq!((finished.code, finished.stdout.trim()), (Some(0), "3 2"), "{finished:?}");
}

#[test]
fn a_folder_takes_the_copy_as_a_bucket_does() {
    let store = tempfile::tempdir().expect("a folder");
    let home = Home::new();
    let url = format!("file://{}", store.path().display());
    let server = home.serve(&[("archive_store", &url)]);
    for merge in ["none", "all"] {
        record(&server, &home, 2);
        run(compact(home.data(), None, &["--merge", merge]));
        wait_for("the folder to be up to date", PATIENCE, || {
            Copied::of_folder(store.path()).is_same(&local(home.data())).then_some(())
        });
    }
    server.stop();
    Copied::of_folder(store.path()).check_whole();
    let verified = home.takeup(&["verify", "--archive", &url]);
    assert!(verified.code == Some(0) && verified.stdout.contains("all whole"), "{verified:?}");
}

#[test]
fn a_replay_reads_the_copy_as_it_reads_the_archive() {
    let s3 = S3::new();
    let home = Home::new();
    let server = home.serve(&[]);
    record(&server, &home, 5);
    server.stop();
    run(compact(home.data(), Some((&s3, s3.port())), &[]));
    let url = format!("s3://{}/{PREFIX}", s3.bucket());
    let archive = home.data().join("archive").display().to_string();
    let takeup = |data: &Path, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
        command.env_clear().envs(s3.environment()).env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", s3.port()));
        command.arg("--data").arg(data).args(arguments);
        let finished = finish(command, PATIENCE);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.lines()
    };
    let replayed = |source: &str, name: &str| {
        let copy = home.data().with_file_name(name);
        let summary = takeup(home.data(), &["replay", source, "--to", &format!("log:{}", copy.display()), "--json"]);
        assert_eq!((&summary[0]["starts"], &summary[0]["damaged_places"]), (&5.into(), &0.into()), "{summary:?}");
        let mut records = takeup(&copy, &["inspect", "--records", "--json"]);
        records.iter_mut().for_each(|record| drop(record.as_object_mut().expect("an object").remove("id")));
        records
    };
    assert_eq!(replayed(&url, "from-store"), replayed(&archive, "from-folder"));
}

#[test]
fn stats_counts_the_copy_as_it_counts_the_log_and_names_what_is_damaged_there() {
    let s3 = S3::new();
    let home = Home::new();
    let server = home.serve(&[]);
    record(&server, &home, 4);
    run(compact(home.data(), None, &["--merge", "none"]));
    record(&server, &home, 3);
    server.stop();
    run(compact(home.data(), Some((&s3, s3.port())), &["--merge", "all"]));
    let url = format!("s3://{}/{PREFIX}", s3.bucket());
    let stats = |data: &Path, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_takeup"));
        command.env_clear().envs(s3.environment()).env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", s3.port()));
        command.arg("--data").arg(data).args(["stats", "--json", "--by", "browser"]).args(arguments);
        let finished = finish(command, PATIENCE);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let mut found = finished.lines().remove(0);
        let object = found.as_object_mut().expect("an object");
        ["source", "archive", "log", "elapsed_ms", "repeats"].iter().for_each(|of| drop(object.remove(*of)));
        found
    };
    let log = stats(home.data(), &["--source", "log"]);
    assert_eq!((&log["sessions"], &log["records"]), (&7.into(), &7.into()), "{log}");
    let elsewhere = tempfile::tempdir().expect("a folder");
    assert_eq!(stats(elsewhere.path(), &["--archive", &url]), log, "where there is nothing else");
    assert_eq!(stats(home.data(), &["--archive", &url, "--source", "both"]), log);

    let records: Vec<String> = s3.keys().into_iter().filter(|key| key.contains("/records/")).collect();
    let whole = s3.get(&records[0]).expect("it is there");
    for damaged in [Some("x".repeat(whole.len())), None] {
        match &damaged {
            Some(text) => s3.put(&records[0], text),
            None => s3.remove(&records[0]),
        }
        let found = stats(elsewhere.path(), &["--archive", &url]);
        let left_out = &found["left_out"][0];
        let path = left_out["path"].as_str().expect("a path");
        assert!(path.starts_with("s3://") && path.ends_with(&*records[0]), "{found}");
        let rows = left_out["rows"].as_u64().expect("a number");
        assert_eq!(found["records"].as_u64(), Some(7 - rows), "{found}");
    }
}
