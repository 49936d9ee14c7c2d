//! The archive: what the log holds is in its Parquet files exactly once, whatever happened while they were made.
#![cfg(feature = "archive")]
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

#[path = "archive/read.rs"]
#[allow(missing_docs)]
mod read;

#[path = "archive/readers.rs"]
#[allow(missing_docs)]
mod readers;

#[path = "archive/recorded.rs"]
#[allow(missing_docs)]
mod recorded;

use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use parquet::file::reader::{FileReader, SerializedFileReader};

use common::{Disk, Home, PATIENCE, Request, finish, gzip};
use read::Archived;
use recorded::{compact, expected, record_all, takeup};

#[test]
fn every_record_is_in_the_archive_once_and_sums_by_session_equal_the_logs() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 1);
    // The open segments' durable parts, beside the running server.
    let summary = compact(home.data(), &["--chunk", "1"]);
    let archived = Archived::read(home.data());
    let expected = expected(home.data());
    expected.check(&archived);
    assert_eq!(summary["records"], expected.records());
    assert_eq!(summary["files"], archived.files());
    assert!(archived.chunks() > 1, "several chunks");

    // Again, with nothing new; then with more, which the stopped server has sealed.
    assert_eq!(compact(home.data(), &[])["records"], 0);
    record_all(&server, &home.project_key(), 1);
    server.stop();
    compact(home.data(), &["--chunk", "1"]);
    let expected = recorded::expected(home.data());
    expected.check(&Archived::read(home.data()));
}

#[test]
fn a_kill_at_any_moment_of_compaction_leaves_out_nothing_and_repeats_nothing() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(10, |text| text.parse().expect("a number"));
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 3);
    server.stop();
    let expected = expected(home.data());
    let (mut killed, mut records) = (0, 0);
    for round in 0..rounds {
        if round % 5 == 0 {
            let _ = fs::remove_dir_all(home.data().join("archive"));
            records = 0;
        }
        let mut child = takeup(home.data(), &["compact", "--chunk", "1", "--merge", "all"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        // Spread over the run, differently in each round; a prime keeps them apart.
        std::thread::sleep(Duration::from_millis(5 + round * 7_919 % 400));
        child.kill().expect("a child can be killed");
        killed += u64::from(child.wait().expect("a child").code().is_none());
        if Archived::is_there(home.data()) {
            // What the manifest names is whole, at any moment, is the log's, and nothing of it goes again.
            let archived = Archived::read_named(home.data());
            expected.check_part(&archived);
            assert!(archived.payloads().count() >= records, "{records} records were in the archive");
            records = archived.payloads().count();
        }
        if round % 5 == 4 || round + 1 == rounds {
            compact(home.data(), &["--chunk", "1", "--merge", "all"]);
            expected.check(&Archived::read(home.data()));
        }
    }
    assert!(killed > 0, "some were killed before their end");
}

#[test]
fn a_kill_at_any_moment_of_a_merge_leaves_the_same_rows() {
    let rounds: u64 = std::env::var("TAKEUP_TEST_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 1);
    server.stop();
    compact(home.data(), &["--chunk", "1", "--merge", "none"]);
    let before = Archived::read(home.data());
    let copy = home.data().join("archive-as-it-was");
    copy_folder(&home.data().join("archive"), &copy);
    let (mut killed, mut unmerged) = (0, 0);
    for round in 0..rounds {
        let mut child = takeup(home.data(), &["compact", "--merge", "all"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        // A prime keeps the moments apart.
        std::thread::sleep(Duration::from_millis(10 + round * 7_919 % 250));
        child.kill().expect("a child can be killed");
        killed += u64::from(child.wait().expect("a child").code().is_none());
        let now = Archived::read_named(home.data());
        assert!(before.has_same_rows(&now), "round {round}");
        unmerged += u64::from(now.files() > 5);
        if round % 3 == 2 {
            // The rest is merged, and no file is left that the manifest does not name.
            compact(home.data(), &["--merge", "all"]);
            assert!(before.has_same_rows(&Archived::read(home.data())));
            fs::remove_dir_all(home.data().join("archive")).expect("the archive can be removed");
            copy_folder(&copy, &home.data().join("archive"));
        }
    }
    assert!(killed > 0 && unmerged > 0, "some were killed before their end");
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
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
fn two_compactors_at_once_put_every_record_into_the_archive_once() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 2);
    server.stop();
    let run = || {
        let mut command = takeup(home.data(), &["compact", "--chunk", "1", "--json"]);
        std::thread::spawn(move || {
            command.stdin(Stdio::null());
            finish(command, PATIENCE)
        })
    };
    let both = [run(), run()].map(|thread| thread.join().expect("no panic"));
    assert!(both.iter().all(|finished| finished.code == Some(0)), "{both:?}");
    let records: u64 = both.iter().map(|finished| finished.lines()[0]["records"].as_u64().expect("a number")).sum();
    let expected = expected(home.data());
    assert_eq!(records, expected.records());
    expected.check(&Archived::read(home.data()));
}

#[test]
fn a_registered_compactor_has_passed_what_is_in_the_archive_and_nothing_more() {
    let home = Home::new();
    let server = home.serve(&[]);
    server.start_session(&home.project_key());
    let added = home.takeup(&["consumers", "add", "compactor", "--from", "start"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let next = || {
        let listed = home.takeup(&["consumers", "--json"]);
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let lines = listed.lines();
        let line = lines.iter().find(|line| line["consumer"] == "compactor").expect("it is listed");
        assert_eq!(line["holds"], true, "{line}");
        line["next_us"].as_u64()
    };
    assert!(next().is_some(), "nothing is in the archive yet");
    compact(home.data(), &[]);
    assert_eq!(next(), None);
    server.start_session(&home.project_key());
    assert!(next().is_some(), "what came since is not in the archive");
    server.stop();
    compact(home.data(), &[]);
    assert_eq!(next(), None);
}

#[test]
fn a_bomb_and_a_body_that_does_not_inflate_are_kept_as_received_and_say_so() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = server.start_session(&home.project_key());
    let bomb = gzip(&vec![0; 32 << 20]);
    let broken = b"\x1f\x8b\x08\x00 no gzip behind this";
    let plain = b"no batch of a tracker, and not compressed";
    for (body, coding) in [(bomb.as_slice(), "gzip"), (broken, "gzip"), (plain, "identity")] {
        let request = Request::batch(&token, body).set("Content-Encoding", coding);
        let answer = server.connect().exchange(request);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    server.stop();
    compact(home.data(), &[]);
    let archived = Archived::read(home.data());
    expected(home.data()).check(&archived);
    let kept = |body: &[u8]| archived.kept_of(body).expect("each body is there");
    assert_eq!(kept(&bomb).as_deref(), Some("too large"));
    assert_eq!(kept(broken).as_deref(), Some("does not inflate"));
    assert_eq!(kept(plain), None);
}

#[test]
fn the_files_of_an_hour_become_one_with_the_same_rows() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 1);
    server.stop();
    compact(home.data(), &["--chunk", "1"]);
    let before = Archived::read(home.data());
    assert_eq!(compact(home.data(), &["--merge", "none"])["merged_files"], 0);
    let merged = compact(home.data(), &["--merge", "all"]);
    let after = Archived::read(home.data());
    assert!(after.files() < before.files() && merged["merged_files"].as_u64() > Some(1), "{merged}");
    assert!(before.has_same_rows(&after));
    expected(home.data()).check(&after);
    assert_eq!(compact(home.data(), &["--merge", "all"])["merged_files"], 0, "nothing is merged twice");
}

#[test]
fn footers_and_indexes_have_values_of_the_keys_alone_and_each_row_group_has_a_bloom_filter_of_its_sessions() {
    let home = Home::new();
    let server = home.serve(&[]);
    record_all(&server, &home.project_key(), 1);
    server.stop();
    for merge in ["none", "all"] {
        compact(home.data(), &["--chunk", "1", "--merge", merge]);
        for path in Archived::paths(home.data()) {
            let file = bytes::Bytes::from(fs::read(&path).expect("a file"));
            let reader = SerializedFileReader::new(file).expect("a Parquet file");
            let about = reader.metadata().file_metadata().key_value_metadata().expect("metadata");
            let about: Vec<&str> = about.iter().map(|pair| &*pair.key).collect();
            let known = ["takeup.table", "takeup.schema", "takeup.log", "takeup.from", "takeup.to"];
            assert_eq!(about, known, "{}", path.display());
            for group in reader.metadata().row_groups() {
                for column in group.columns() {
                    let name = column.column_descr().name();
                    let is_key = ["project_id", "session_id", "received_at"].contains(&name);
                    assert_eq!(column.statistics().is_some(), is_key, "{}: {name}", path.display());
                    let has_index = column.column_index_offset().is_some();
                    assert_eq!(has_index, is_key, "{}: index of {name}", path.display());
                    assert_eq!(
                        column.bloom_filter_offset().is_some(),
                        name == "session_id",
                        "{}: {name}",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn damage_in_a_file_is_told_and_not_merged() {
    let home = Home::new();
    let server = home.serve(&[]);
    for _ in 0..2 {
        server.start_session(&home.project_key());
        compact(home.data(), &["--merge", "none"]);
    }
    server.stop();
    let file = Archived::paths(home.data()).remove(0);
    let mut bytes = fs::read(&file).expect("a file");
    bytes[20] ^= 1;
    fs::write(&file, &bytes).expect("it is written");
    let refused = finish(takeup(home.data(), &["compact", "--merge", "all"]), PATIENCE);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("damaged") && refused.stderr.contains(".parquet"), "{refused:?}");
    let verify = || finish(takeup(home.data(), &["verify", "--archive"]), PATIENCE);
    let (damaged, name) = (verify(), file.file_name().expect("a name").to_string_lossy());
    assert!(damaged.code == Some(1) && format!("{damaged:?}").contains(&*name), "{damaged:?}");
    bytes[20] ^= 1;
    fs::write(&file, &bytes).expect("it is written");
    assert_eq!(verify().code, Some(0));
    compact(home.data(), &["--merge", "all"]);
    expected(home.data()).check(&Archived::read(home.data()));
}

#[test]
fn duckdb_pyarrow_and_pandas_read_every_table_with_their_default_settings() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    record_all(&server, &home.project_key(), 1);
    server.stop();
    compact(home.data(), &["--chunk", "1"]);
    let archived = Archived::read(home.data());
    expected(home.data()).check(&archived);
    for reader in ["duckdb", "pyarrow", "pandas"] {
        archived.check_seen(reader, &readers::read(reader, &home.data().join("archive")));
    }
}

#[test]
fn on_a_full_disk_a_compaction_fails_whole_and_the_next_one_makes_up_for_it() {
    let Some(disk) = Disk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let small =
        [("segment_bytes", "8MiB"), ("window_bytes", "2MiB"), ("group_bytes_max", "1MiB"), ("reserve_bytes", "8MiB")];
    let server = home.serve(&[&small[..], &[("beacon_size_limit", "500000")]].concat());
    record_all(&server, &home.project_key(), 1);
    server.stop();
    let filler = disk.path("filler");
    let mut file = File::create(&filler).expect("the disk takes a file");
    while file.write_all(&[b'b'; 4096]).is_ok() {}
    let _ = file.sync_all();
    let full = finish(takeup(home.data(), &["compact"]), PATIENCE);
    assert_eq!(full.code, Some(1), "{full:?}");
    assert!(full.stderr.contains("archive") && full.stderr.contains("No space left"), "{full:?}");
    drop(file);
    fs::remove_file(&filler).expect("the filler goes");
    compact(home.data(), &[]);
    expected(home.data()).check(&Archived::read(home.data()));
}

#[test]
fn a_manifest_that_is_damaged_or_lost_is_an_error_and_costs_no_file() {
    let home = Home::new();
    let server = home.serve(&[]);
    server.start_session(&home.project_key());
    server.stop();
    compact(home.data(), &[]);
    let manifest = home.data().join("archive/manifest.json");
    let whole = fs::read(&manifest).expect("the manifest");
    let files = Archived::read(home.data()).files();
    let refuses = |why: &str| {
        let refused = finish(takeup(home.data(), &["compact"]), PATIENCE);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("manifest.json") && refused.stderr.contains(why), "{refused:?}");
    };
    fs::remove_file(&manifest).expect("it goes");
    refuses("missing");
    fs::write(&manifest, &whole[..whole.len() / 2]).expect("half of it");
    refuses("not a manifest");
    let newer = String::from_utf8_lossy(&whole).replacen("\"version\":2", "\"version\":9", 1);
    fs::write(&manifest, newer).expect("a newer one");
    refuses("newer takeup");
    fs::write(&manifest, &whole).expect("the whole one");
    // A list of a day is looked into when the archive is extended.
    let parsed: serde_json::Value = serde_json::from_slice(&whole).expect("JSON");
    let list = home.data().join("archive").join(parsed["days"][0]["path"].as_str().expect("a path"));
    let listed = fs::read(&list).expect("the list");
    let stray = Archived::paths(home.data())[0].with_file_name("00000000000000000001-9999.parquet");
    fs::write(&stray, "left by a crash").expect("it is written");
    fs::write(&list, &listed[1..]).expect("a part of it");
    let refused = finish(takeup(home.data(), &["compact"]), PATIENCE);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("archive/manifest/2") && refused.stderr.contains("damaged"), "{refused:?}");
    assert!(stray.exists(), "nothing is removed while it is not known what is named");
    fs::write(&list, &listed).expect("the whole one");
    compact(home.data(), &[]);
    assert_eq!(Archived::read(home.data()).files(), files);
}

#[test]
fn the_manifest_of_an_older_takeup_is_split_and_nothing_else_changes() {
    let home = Home::new();
    let server = home.serve(&[]);
    server.start_session(&home.project_key());
    compact(home.data(), &[]);
    let before = Archived::read(home.data());
    // Version 1 had the lists of all days in the manifest itself.
    let archive = home.data().join("archive");
    let read = |path: &std::path::Path| -> serde_json::Value {
        serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
    };
    let head = read(&archive.join("manifest.json"));
    let days = head["days"].as_array().expect("days").iter();
    let files: Vec<serde_json::Value> = days
        .flat_map(|day| read(&archive.join(day["path"].as_str().expect("a path")))["files"].as_array().cloned())
        .flatten()
        .collect();
    let old = serde_json::json!({
        "version": 1, "schema": 1, "to": head["to"], "next_number": head["next_number"], "files": files
    });
    fs::write(archive.join("manifest.json"), old.to_string()).expect("the old manifest");
    fs::remove_dir_all(archive.join("manifest")).expect("the lists go");
    assert_eq!(compact(home.data(), &[])["records"], 0, "the cursor is kept");
    assert!(before.has_same_rows(&Archived::read(home.data())));
    server.start_session(&home.project_key());
    server.stop();
    compact(home.data(), &["--merge", "all"]);
    expected(home.data()).check(&Archived::read(home.data()));
}
