//! Retention of the archive by a real server: what is old leaves, nothing else does, and `takeup retention` has said so before.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/read.rs"]
#[allow(missing_docs, dead_code)]
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{Home, PATIENCE, Server, wait_for};
use read::Archived;
use serde_json::Value;
use takeup::archive::chunk::Chunk;
use takeup::archive::decode::EventDecoder;
use takeup::archive::payload::Payload;
use takeup::archive::place::Place;
use takeup::archive::store::{Archive, Rows};
use takeup::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Record, RecordId, Topic};
use takeup::log::read::merge::MergePosition;
use uuid::Uuid;

const PROJECTS: &str = r#"
[[projects]]
project_id = 1
project_key = "k3yOfTheSite"

[[projects]]
project_id = 7
project_key = "k3yOfTheShop"
retain_days = 3

[[projects]]
project_id = 8
project_key = "k3yOfTheBank"
retain_days = 0
"#;

/// So that what the projects' file says counts at once.
const AT_ONCE: (&str, &str) = ("removal_grace", "0s");

/// How long ago the hours of the archive were, in hours.
const HOURS: [u64; 5] = [24 * 40, 24 * 20, 24 * 20 - 1, 24 * 5, 24];

const HOUR_US: u64 = 3_600_000_000;

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_micros() as u64
}

/// A session of each project in each of these hours before now, in the archive; as project and session.
fn archive(data: &Path, hours: impl IntoIterator<Item = u64>) -> BTreeSet<(i64, i64)> {
    let (archive, _) = Archive::open(Place::in_data(data), &|| false).expect("a new archive");
    let (mut chunk, mut events, mut sessions) = (Chunk::default(), EventDecoder::default(), BTreeSet::new());
    for ago in hours {
        for project in [1, 7, 8] {
            let session = 100_000 * u64::from(project) + ago;
            // A page, and a user's name.
            let payload = [&[81, 1, 0, 0, 2, 1, b'a', 28, 4, 0, 0, 3][..], b"ann"].concat();
            let record = Record {
                id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: session },
                order_us: now_us() - ago * HOUR_US,
                kind: Kind::Batch,
                topic: Topic::Raw,
                data_type: DataType::All,
                encoding: Encoding::Identity,
                session,
                project,
                split: 0,
                label: None,
                flags: Flags::NONE,
                payload_crc: 0,
                ext: Ext(&[]),
                payload: &payload,
            };
            chunk.add(&record, &Payload { bytes: &payload, kept: None }, &mut events);
            sessions.insert((i64::from(project), session as i64));
        }
    }
    let to = MergePosition { log: Uuid::nil(), cores: BTreeMap::new(), behind: BTreeMap::new() };
    archive.commit(None, &to, &Rows::from(chunk), &|| false).expect("the disk takes it");
    sessions
}

/// A folder on which a server has run, and its archive's sessions.
fn home(hours: impl IntoIterator<Item = u64>) -> (Home, BTreeSet<(i64, i64)>) {
    let home = Home::with_projects(PROJECTS);
    home.serve(&[AT_ONCE]).stop();
    let sessions = archive(home.data(), hours);
    (home, sessions)
}

/// The sessions in the archive. Each has its row in each table, and each file is as the manifest says.
#[track_caller]
fn sessions(archived: &Archived) -> BTreeSet<(i64, i64)> {
    archived.check_each_once();
    let sessions: BTreeSet<(i64, i64)> = archived.sums().into_keys().collect();
    for table in ["activity", "batches", "events"] {
        // An event for the page and one for the user.
        let rows = archived.rows_of(table).count();
        assert!(
            rows == sessions.len() || table == "events" && rows > 0 && rows.is_multiple_of(sessions.len()),
            "{table}: {rows}"
        );
    }
    sessions
}

/// What `takeup retention` says with these settings.
#[track_caller]
fn shown(home: &Home, settings: &[(&str, &str)]) -> Vec<Value> {
    let set: Vec<String> = settings.iter().map(|(key, value)| format!("--set={key}={value}")).collect();
    let mut arguments = vec!["retention", "--dry-run", "--json"];
    arguments.extend(set.iter().map(String::as_str));
    let finished = home.takeup(&arguments);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.lines()
}

fn of<'a>(lines: &'a [Value], part: &'a str, goes: bool) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["part"] == part && line["goes"] == goes)
}

fn deleted_rows(server: &Server) -> f64 {
    server.metric("takeup_archive_deleted_rows_total")
}

/// Log lines with this message.
fn told(server: &Server, message: &str) -> Vec<Value> {
    let lines = server.stdout();
    let parsed = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|line| line["msg"] == message || line["message"] == message).collect()
}

#[test]
fn what_is_shown_is_what_the_server_then_deletes_by_the_ages_of_projects() {
    let (home, all) = home(HOURS);
    let settings = [AT_ONCE, ("archive_retain_age", "720h")];
    let lines = shown(&home, &settings);
    let goes: Vec<&Value> = of(&lines, "archive", true).collect();
    let projects: Vec<&Value> = goes.iter().map(|line| &line["projects"]).collect();
    let (both, shop) = (serde_json::json!([1, 7]), serde_json::json!([7]));
    assert_eq!(projects, [&both, &shop, &shop, &shop], "{lines:#?}");
    assert!(goes.iter().all(|line| line["reason"] == "project_age"));
    // What stays: of the oldest hour the bank, which is kept for ever; of the others the site and the bank.
    let stays: Vec<&Value> = of(&lines, "archive", false).collect();
    assert_eq!(stays.len(), 5);
    assert_eq!((&stays[0]["reason"], &stays[0]["project_id"]), (&"for_ever".into(), &8.into()), "{lines:#?}");
    assert!(stays[1..].iter().all(|line| line["reason"] == "young" && line["until_us"].is_u64()), "{lines:#?}");
    assert_eq!(sessions(&Archived::read(home.data())), all, "nothing was deleted by looking");

    let rows: u64 = goes.iter().map(|line| line["records"].as_u64().expect("a number")).sum();
    let server = home.serve(&settings);
    wait_for("the rows to leave", PATIENCE, || (deleted_rows(&server) >= rows as f64).then_some(()));
    assert_eq!(deleted_rows(&server), rows as f64);
    // Beside the server nothing is left to do.
    assert_eq!(of(&shown(&home, &settings), "archive", true).count(), 0);
    assert_eq!(told(&server, "rows deleted from the archive").len(), goes.len(), "{}", server.stdout());
    server.stop();
    let left: BTreeSet<(i64, i64)> = all
        .into_iter()
        .filter(|&(project, session)| {
            let ago = session % 100_000;
            project == 8 || project == 1 && ago < 24 * 30 || ago < 24 * 3
        })
        .collect();
    assert_eq!(sessions(&Archived::read(home.data())), left);
}

#[test]
fn an_archive_over_its_size_loses_its_oldest_hours_and_new_settings_count_without_a_restart() {
    let (home, all) = home(HOURS);
    home.write("projects.toml", &PROJECTS.replace("retain_days = 3", "retain_days = 0"));
    let bytes: u64 = of(&shown(&home, &[AT_ONCE, ("archive_retain_bytes", "1TiB")]), "archive", false)
        .map(|line| line["bytes"].as_u64().expect("a number"))
        .sum();
    let server = home.serve(&[AT_ONCE]);
    // One byte less than there is.
    home.write("takeup.toml", &format!("archive_retain_bytes = {}\n", bytes - 1));
    wait_for("the oldest hour to leave", PATIENCE, || (deleted_rows(&server) > 0.0).then_some(()));
    let lines = shown(&home, &[AT_ONCE]);
    assert_eq!(of(&lines, "archive", true).count(), 0, "within its size again: {lines:#?}");
    server.stop();
    let oldest = HOURS[0] as i64;
    let left: BTreeSet<_> = all.into_iter().filter(|(_, session)| session % 100_000 != oldest).collect();
    assert_eq!(sessions(&Archived::read(home.data())), left);
}

#[test]
fn stats_counts_what_is_left_of_the_archive_as_it_counts_the_same_hours_of_the_log() {
    let (from, _) = home(HOURS);
    let home = Home::with_projects(&PROJECTS.replace("retain_days = 3\n", "").replace("retain_days = 0\n", ""));
    let projects = fs::read(home.data().join("projects.toml")).expect("a file");
    fs::remove_dir_all(home.data()).expect("a folder");
    let to = format!("log:{}", home.data().display());
    let archive = from.data().join("archive");
    let replayed = from.takeup(&["replay", archive.to_str().expect("a path"), "--to", &to]);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    fs::write(home.data().join("projects.toml"), projects).expect("a file");
    fs::create_dir(home.data().join("secrets")).expect("a folder");
    for secret in ["token", "forward"] {
        fs::write(home.data().join("secrets").join(secret), "0123456789abcdef0123456789abcdef").expect("a file");
    }
    assert_eq!(home.takeup(&["compact"]).code, Some(0));
    let stats = |arguments: &[&str]| {
        let finished = home.takeup(&[&["stats", "--json", "--by", "hour"], arguments].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let mut found = finished.lines().remove(0);
        let object = found.as_object_mut().expect("an object");
        ["source", "archive", "log", "elapsed_ms", "from_us"].iter().for_each(|of| drop(object.remove(*of)));
        found
    };
    let all = stats(&["--source", "log"]);
    assert_eq!(stats(&["--source", "archive"]), all);

    home.serve(&[AT_ONCE]).stop();
    // Times between the servers are not believed before ten minutes.
    leave_clock(&home, now_us());
    let server = home.serve(&[AT_ONCE, ("archive_retain_age", "720h")]);
    wait_for("the oldest hour to leave", PATIENCE, || (deleted_rows(&server) > 0.0).then_some(()));
    server.stop();
    let day = jiff::Timestamp::from_microsecond((now_us() - 600 * HOUR_US).cast_signed()).expect("a time");
    let log = stats(&["--source", "log", "--from", &day.strftime("%Y-%m-%d").to_string()]);
    assert!(log["sessions"].as_u64() < all["sessions"].as_u64(), "{log}");
    assert_eq!(stats(&["--source", "archive"]), log);
}

/// Leaves the log's clock as a server does that ended at this time.
fn leave_clock(home: &Home, known_us: u64) {
    let page = File::options().write(true).open(home.data().join("log/clock")).expect("the clock page");
    for word in [48, 56, 64] {
        page.write_all_at(&known_us.to_le_bytes(), word).expect("the page takes a word");
    }
}

#[test]
fn nothing_leaves_by_a_clock_that_is_not_believed() {
    let (home, all) = home(HOURS);
    // The last server knew a time ten days ago.
    let known_us = now_us() - 240 * HOUR_US;
    leave_clock(&home, known_us);
    let settings = [AT_ONCE, ("archive_retain_age", "720h")];
    let server = home.serve(&settings);
    // By that time, 20 days are 10, 5 are none, and 40 are 30, which is just not enough for an hour that ended later.
    wait_for("what is old anyway", PATIENCE, || {
        (told(&server, "rows deleted from the archive").len() == 3).then_some(())
    });
    let lines = shown(&home, &settings);
    assert_eq!(of(&lines, "archive", true).count(), 0, "{lines:#?}");
    let held = of(&lines, "archive", false).filter(|line| line["reason"] == "clock").count();
    assert_eq!(held, 2, "40 days and 5 days: {lines:#?}");
    server.stop();
    let kept = |&(project, session): &(i64, i64)| {
        let ago = session % 100_000;
        project != 7 || ago < 24 * 10
    };
    let left: BTreeSet<_> = all.into_iter().filter(kept).collect();
    assert_eq!(sessions(&Archived::read(home.data())), left);
}

#[test]
fn a_kill_at_any_moment_leaves_whole_files_and_the_rest_leaves_later() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(5, |text| text.parse().expect("a number"));
    let settings = [AT_ONCE, ("archive_retain_age", "720h")];
    let (home, all) = home((0..12).map(|hour| 24 * 20 + hour).chain((0..6).map(|hour| 24 * 40 + hour)));
    let copy = home.data().with_file_name("archive-as-it-was");
    copy_folder(&home.data().join("archive"), &copy);
    let left: BTreeSet<_> = all
        .iter()
        .copied()
        .filter(|&(project, session)| project == 8 || project == 1 && session % 100_000 < 24 * 30)
        .collect();
    let mut killed_between = 0;
    for round in 0..rounds {
        let server = home.serve(&settings);
        // It has begun; then at another moment in each round. A prime keeps them apart.
        wait_for("the first hour", PATIENCE, || (deleted_rows(&server) > 0.0 || is_done(&home, &left)).then_some(()));
        std::thread::sleep(Duration::from_millis(round * 7_919 % 300));
        server.kill();
        let now = sessions(&Archived::read_named(home.data()));
        assert!(now.is_superset(&left) && now.is_subset(&all), "round {round}");
        killed_between += u64::from(now != left && now != all);
        if now == left {
            fs::remove_dir_all(home.data().join("archive")).expect("the archive can be removed");
            copy_folder(&copy, &home.data().join("archive"));
        }
    }
    assert!(killed_between > 0, "some were killed in the middle");
    let server = home.serve(&settings);
    wait_for("the rest to leave", PATIENCE, || is_done(&home, &left).then_some(()));
    server.stop();
    // And no file is there that the manifest does not name.
    assert_eq!(sessions(&Archived::read(home.data())), left);
}

/// Whether the command says that nothing more leaves.
fn is_done(home: &Home, left: &BTreeSet<(i64, i64)>) -> bool {
    let lines = shown(home, &[AT_ONCE, ("archive_retain_age", "720h")]);
    let hours = of(&lines, "archive", false).count();
    of(&lines, "archive", true).count() == 0 && hours > 0 && !left.is_empty()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("a file can be copied")),
        }
    }
}

#[test]
fn segments_go_as_shown_and_stay_while_a_consumer_or_a_doubt_holds_them() {
    let home = Home::with_projects(PROJECTS);
    for _ in 0..3 {
        let server = home.serve(&[AT_ONCE]);
        server.start_session("k3yOfTheSite");
        server.stop();
    }
    let settings = [AT_ONCE, ("retain_age", "1ms")];
    let segments = |lines: &[Value], goes: bool| -> Vec<String> {
        of(lines, "log", goes).map(|line| line["segment"].as_str().expect("a text").to_owned()).collect()
    };
    let reasons = |lines: &[Value]| -> Vec<String> {
        lines.iter().map(|line| line["reason"].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(reasons(&shown(&home, &[AT_ONCE])), ["for_ever", "for_ever", "newest"]);

    // A consumer that has read nothing; then one whose cursor is torn.
    let added = home.takeup(&["consumers", "add", "backup", "--from", "start"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let lines = shown(&home, &settings);
    assert_eq!(reasons(&lines), ["held", "held", "newest"], "{lines:#?}");
    assert_eq!(lines[0]["consumers"], serde_json::json!(["backup"]));
    let cursor = home.data().join("cursors/backup.json");
    let text = fs::read(&cursor).expect("a cursor");
    fs::write(&cursor, &text[..text.len() / 2]).expect("a file");
    assert_eq!(reasons(&shown(&home, &settings)), ["held", "held", "newest"]);
    let server = home.serve(&settings);
    wait_for("a look", PATIENCE, || (server.metric("takeup_cursors_doubtful") == 1.0).then_some(()));
    assert_eq!(server.metric("takeup_log_deleted_segments_total"), 0.0);
    server.stop();

    // A segment in doubt, and nobody who holds.
    let removed = home.takeup(&["consumers", "remove", "backup"]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    // Times between the servers are not believed before ten minutes.
    leave_clock(&home, now_us());
    let lines = shown(&home, &settings);
    let (first, last) = (segments(&lines, true), segments(&lines, false));
    assert!(first.len() >= 2 && !last.is_empty(), "{lines:#?}");
    let sidecar = home.data().join(format!("log/core-00/{:0>20}.json", first[0]));
    fs::remove_file(&sidecar).expect("a sidecar");
    let lines = shown(&home, &settings);
    assert!(lines.iter().any(|line| line["segment"] == *first[0] && line["reason"] == "doubt"), "{lines:#?}");
    let goes = segments(&lines, true);
    let server = home.serve(&settings);
    wait_for("what is shown to go", PATIENCE, || (told(&server, "segment deleted").len() >= goes.len()).then_some(()));
    let gone = told(&server, "segment deleted");
    let gone: Vec<String> = gone
        .iter()
        .map(|line| line["segment"].as_str().map_or_else(|| line["segment"].to_string(), str::to_owned))
        .collect();
    assert_eq!(gone[..goes.len()], goes, "in this order");
    assert!(!gone.contains(&first[0]), "what is in doubt stays");
    server.stop();
}

#[test]
fn for_people_it_says_what_goes_and_what_stays_because_of_what() {
    let (home, _) = home(HOURS);
    let finished = home.takeup(&["retention", "--set", "removal_grace=0s", "--set", "archive_retain_age=720h"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let text = format!("{finished:?}");
    for part in
        ["4 hours", "rows of projects 1, 7, whose ages have ended", "project 8 is kept for ever", "not old enough"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_until_archived_would_delete_is_shown_with_why_the_rest_stays_and_the_server_deletes_just_that() {
    let home = Home::with_projects(PROJECTS);
    for _ in 0..5 {
        let server = home.serve(&[AT_ONCE]);
        server.start_session("k3yOfTheSite");
        server.stop();
    }
    let settings = [AT_ONCE, ("archive", "true"), ("retain_log", "until archived")];
    let reasons = |lines: &[Value]| -> Vec<String> {
        let of_log = lines.iter().filter(|line| line["part"] == "log");
        of_log.map(|line| line["reason"].as_str().expect("a text").to_owned()).collect()
    };
    let lines = shown(&home, &settings);
    assert_eq!(reasons(&lines), ["archive_fault", "archive_fault", "archive_fault", "archive_fault", "newest"]);
    assert!(lines[0]["error"].as_str().is_some_and(|error| error.contains("manifest.json")), "{lines:#?}");

    // All of it is in the archive. Without the setting that matters to nobody.
    let run = |arguments: &[&str]| {
        let finished = home.takeup(arguments);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    };
    run(&["compact", "--merge", "none"]);
    assert_eq!(reasons(&shown(&home, &[AT_ONCE])), ["for_ever", "for_ever", "for_ever", "for_ever", "newest"]);
    assert_eq!(reasons(&shown(&home, &settings)), ["archived", "archived", "archived", "archived", "newest"]);

    // What a consumer has not read stays, and what is newer than the archive.
    run(&["consumers", "add", "backup", "--from", "start"]);
    let lines = shown(&home, &settings);
    assert_eq!(reasons(&lines), ["held", "held", "held", "held", "newest"]);
    assert_eq!(lines[0]["consumers"], serde_json::json!(["backup"]));
    for _ in 0..2 {
        let server = home.serve(&[AT_ONCE]);
        server.start_session("k3yOfTheSite");
        server.stop();
    }
    let lines = shown(&home, &settings);
    let held = ["held"; 5];
    assert_eq!(reasons(&lines), [&held[..], &["not_archived", "newest"]].concat());
    assert_eq!(lines[5]["consumers"], serde_json::json!(["backup"]), "{lines:#?}");
    run(&["consumers", "remove", "backup"]);
    let shown_text =
        run(&["retention", "--set=archive=true", "--set=retain_log=until archived", "--set=removal_grace=0s"]);
    for text in ["it is in the archive, and all consumers have read it", "not in the archive yet"] {
        assert!(shown_text.contains(text), "{shown_text}");
    }

    // A file of the archive that is gone: nothing is certain.
    let hours = |table: &str| home.data().join("archive").join(table);
    let day = fs::read_dir(hours("records")).expect("a table").flatten().next().expect("a day");
    let hour = fs::read_dir(day.path()).expect("a day").flatten().next().expect("an hour");
    let file = fs::read_dir(hour.path()).expect("an hour").flatten().next().expect("a file").path();
    let aside = home.data().join("aside");
    fs::rename(&file, &aside).expect("a file");
    let lines = shown(&home, &settings);
    assert_eq!(of(&lines, "log", true).count(), 0, "{lines:#?}");
    let named =
        |line: &Value| line["error"].as_str().is_some_and(|error| error.contains(file.to_str().expect("a path")));
    assert!(lines.iter().any(|line| line["reason"] == "archive_fault" && named(line)), "{lines:#?}");
    fs::rename(&aside, &file).expect("a file");

    // A segment that is not what was sealed.
    let second = lines[1]["segment"].as_str().expect("a text").to_owned();
    let path = home.data().join(format!("log/core-00/{second:0>20}.seg"));
    let segment = File::options().read(true).write(true).open(&path).expect("a segment");
    let end = segment.metadata().expect("a file").len();
    segment.write_all_at(b"!", end - 1).expect("a byte");
    run(&["compact", "--merge", "none"]);
    let lines = shown(&home, &settings);
    assert_eq!(reasons(&lines), ["archived", "archived", "archived", "archived", "archived", "altered", "newest"]);
    let goes: Vec<String> =
        of(&lines, "log", true).map(|line| line["segment"].as_str().expect("a text").to_owned()).collect();

    let server = home.serve(&settings);
    let gone = || {
        let gone = told(&server, "segment deleted");
        gone.iter().map(|line| line["segment"].to_string().trim_matches('"').to_owned()).collect::<Vec<String>>()
    };
    wait_for("what is shown to go", PATIENCE, || (gone().len() >= goes.len()).then_some(()));
    wait_for("the altered one to be found", PATIENCE, || {
        (!told(&server, "segments stay in the log: it is not certain that they are in the archive").is_empty())
            .then_some(())
    });
    assert_eq!(gone()[..goes.len()], goes[..]);
    assert!(!gone().contains(&second) && path.exists());
    server.stop();
}
