//! From logs and archives, of one and of several folders.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use super::made::{
    self, DAY_US, batch, contents, folder, lines, many, succeed, takeup, tracker_batch, write, write_more,
};

#[test]
fn an_archive_plays_what_its_log_has_in_the_same_order_under_the_same_ids() {
    let temp = folder();
    let data = temp.path().join("data");
    let records = many(40, 60);
    write(&data, &records);
    let of_log = lines(&data, &[]);
    assert_eq!(of_log.len(), records.len());
    for merge in ["none", "all"] {
        succeed(&data, &["compact", "--chunk", "1", "--merge", merge]);
        // With room for everything, for some of it, and for nothing.
        for memory in ["512MiB", "2MiB", "1"] {
            let of_archive = lines(&data, &["--source", "archive", "--memory", memory]);
            let ids = |lines: &[made::Line]| lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>();
            assert!(ids(&of_archive) == ids(&of_log), "--merge {merge}, --memory {memory}: another order");
            assert!(contents(&of_archive) == contents(&of_log), "--merge {merge}, --memory {memory}");
            assert!(of_archive.iter().all(|line| line.encoding == "identity"), "bodies are inflated");
        }
    }
    // The archive's folder alone.
    let archive = data.join("archive");
    assert!(contents(&lines(&data, &[archive.to_str().unwrap()])) == contents(&of_log));
}

#[test]
fn archive_and_log_together_play_each_record_once() {
    let temp = folder();
    let data = temp.path().join("data");
    let records = many(20, 40);
    let (early, late) = records.split_at(500);
    let end = write(&data, early);
    succeed(&data, &["compact", "--chunk", "1"]);
    write_more(&data, &end, late);
    let of_log = lines(&data, &["--source", "log"]);
    assert_eq!(of_log.len(), records.len());
    let both = lines(&data, &[]);
    assert!(contents(&both) == contents(&of_log));
    assert_eq!(both.iter().take_while(|line| line.encoding == "identity").count() / 500, 1, "the archive comes first");
    assert!(both[500..].iter().any(|line| line.encoding == "gzip"), "the log goes on behind it");
    assert_eq!(lines(&data, &["--source", "archive"]).len(), 500);
    // From a time that the archive does not have, and from one that it does.
    for from_us in [late[100].at_us, early[100].at_us] {
        let from = jiff::Timestamp::from_microsecond(from_us as i64).unwrap().to_string();
        let expected: Vec<_> = of_log.iter().filter(|line| line.received_us >= from_us).cloned().collect();
        assert!(contents(&lines(&data, &["--from", &from])) == contents(&expected), "{from}");
    }
    // What was deleted from the log is still in the archive.
    let mut segments: Vec<_> =
        fs::read_dir(data.join("log/core-00")).unwrap().map(|file| file.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    segments.sort();
    fs::remove_file(&segments[0]).unwrap();
    fs::remove_file(segments[0].with_extension("json")).unwrap();
    assert!(lines(&data, &["--source", "log"]).len() < records.len());
    assert!(contents(&lines(&data, &[])) == contents(&both), "the archive has what the log has not any more");
}

#[test]
fn several_folders_are_played_as_one_by_time_and_what_two_have_is_played_once() {
    let temp = folder();
    let (a, b) = (temp.path().join("a"), temp.path().join("b"));
    let mut records = many(10, 30);
    records.sort_by_key(|record| record.at_us);
    let half = |of: u64| records.iter().filter(|record| record.session % 2 == of).cloned().collect::<Vec<_>>();
    write(&a, &half(0));
    write(&b, &half(1));
    let (path_a, path_b) = (a.to_str().unwrap(), b.to_str().unwrap());
    let merged = lines(&a, &[path_a, path_b]);
    assert_eq!(merged.len(), records.len());
    assert!(merged.is_sorted_by_key(|line| line.received_us));
    assert!(merged == lines(&a, &[path_b, path_a]), "the order does not depend on that of the folders");
    succeed(&b, &["compact"]);
    let with_archive = lines(&a, &[path_b, path_a]);
    assert!(contents(&with_archive) == contents(&merged), "a log, and an archive");
    // The log in a folder of its own, beside its archive: the same records under the same ids.
    let (log_b, archive_b) = (b.join("log"), b.join("archive"));
    let doubles = lines(&a, &[path_a, log_b.to_str().unwrap(), archive_b.to_str().unwrap()]);
    assert!(contents(&doubles) == contents(&merged));
}

#[test]
fn a_selection_is_the_same_from_log_and_archive() {
    let temp = folder();
    let data = temp.path().join("data");
    let mut records = many(12, 40);
    // A user becomes known in the middle of a session, and another one in two.
    for (at, user) in [(100, "ann"), (203, "bob"), (308, "bob")] {
        let record = &records[at];
        records[at] = batch(record.session, record.number, record.at_us, &tracker_batch(Some(user), 40));
    }
    let of_user = |numbers: &[usize]| numbers.iter().map(|at| records[*at].session).collect::<BTreeSet<u64>>();
    let users = [("ann", of_user(&[100])), ("bob", of_user(&[203, 308])), ("nobody", BTreeSet::new())];
    let end = write(&data, &records[..300]);
    succeed(&data, &["compact", "--chunk", "1"]);
    write_more(&data, &end, &records[300..]);
    let all = lines(&data, &["--source", "log"]);
    for source in ["log", "both"] {
        for (user, sessions) in &users {
            let played = lines(&data, &["--source", source, "--user", user]);
            let expected: Vec<_> = all.iter().filter(|line| sessions.contains(&line.session)).cloned().collect();
            assert!(contents(&played) == contents(&expected), "{source}, {user}: {} lines", played.len());
        }
        let (one, two) = (records[0].session, records[5].session);
        let played = lines(&data, &["--source", source, "--session", &one.to_string(), "--session", &two.to_string()]);
        let expected: Vec<_> = all.iter().filter(|line| [one, two].contains(&line.session)).cloned().collect();
        assert!(!expected.is_empty() && contents(&played) == contents(&expected), "{source}, sessions");
        let played = lines(&data, &["--source", source, "--project", "2", "--until", "2026-11-29T00:40:00Z"]);
        let is_chosen = |line: &&made::Line| line.project == 2 && line.received_us < DAY_US + 2_400_000_000;
        let expected: Vec<_> = all.iter().filter(is_chosen).cloned().collect();
        assert!(!expected.is_empty() && contents(&played) == contents(&expected), "{source}, project and time");
    }
}

#[test]
fn what_is_no_source_is_named_with_what_is_missing() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(1, 2));
    let missing = temp.path().join("missing");
    let (log, no_folder) = (data.join("log"), missing.join("x"));
    let cases: [(&[&str], &str); 4] = [
        (&[missing.to_str().unwrap()], "missing"),
        (&["--source", "archive"], "takeup compact"),
        (&[log.to_str().unwrap(), "--source", "archive"], "--source archive"),
        (&["--resume", no_folder.to_str().unwrap()], "--resume"),
    ];
    for (arguments, says) in cases {
        let finished = takeup(&data, &[&["replay", "--to", "-"], arguments].concat());
        assert_eq!(finished.code, Some(1), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(says), "{arguments:?}: {}", finished.stderr);
    }
}

#[test]
fn what_moves_from_the_log_to_the_archive_while_it_is_played_is_played_once() {
    let temp = folder();
    let data = temp.path().join("data");
    // More than a replay reads ahead.
    let records = many(40, 220);
    let (early, late) = records.split_at(8500);
    let end = write(&data, early);
    succeed(&data, &["compact"]);
    let mut child = made::command(&data, &["replay", "--to", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut printed = String::new();
    stdout.read_line(&mut printed).unwrap();
    // Nobody reads on, so it waits in the middle of the archive.
    write_more(&data, &end, late);
    succeed(&data, &["compact"]);
    let expected = lines(&data, &["--source", "archive"]);
    assert_eq!(expected.len(), records.len());
    for file in fs::read_dir(data.join("log/core-00")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    stdout.read_to_string(&mut printed).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(printed.lines().count(), records.len());
    let ids = |line: &str| line.split('"').nth(3).unwrap().to_owned();
    assert!(printed.lines().map(ids).eq(expected.iter().map(|line| line.id.clone())));
}
