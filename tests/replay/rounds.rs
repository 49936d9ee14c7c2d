//! Loops, and sessions that begin at a rate.

use std::collections::{BTreeMap, BTreeSet};

use super::made::{DAY_US, Line, batch, contents, folder, lines, many, succeed, takeup, tracker_batch, write};

/// Numbers and bodies by session, in order.
fn by_session(lines: &[Line]) -> BTreeMap<u64, Vec<(u64, &[u8])>> {
    let mut sessions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        sessions.entry(line.session).or_default().push((line.number, &*line.body));
    }
    sessions
}

#[test]
fn each_round_has_all_sessions_once_more_under_ids_of_its_own() {
    let temp = folder();
    let data = temp.path().join("data");
    let records = many(15, 10);
    write(&data, &records);
    succeed(&data, &["compact"]);
    let once = lines(&data, &[]);
    for source in ["log", "both"] {
        let thrice = lines(&data, &["--loop", "3", "--seed", "7", "--source", source]);
        assert!(contents(&thrice[..once.len()]) == contents(&once), "the first round is the recorded one");
        let mut ids = BTreeSet::new();
        for round in thrice.chunks(once.len()) {
            let (played, recorded) = (by_session(round), by_session(&once));
            assert!(played.values().collect::<BTreeSet<_>>() == recorded.values().collect::<BTreeSet<_>>());
            ids.extend(played.into_keys());
        }
        assert_eq!(ids.len(), 3 * 15, "no id is used in two rounds");
        assert!(thrice == lines(&data, &["--loop", "3", "--seed", "7", "--source", source]), "the seed decides");
        let other = lines(&data, &["--loop", "3", "--seed", "8", "--source", source]);
        assert!(contents(&thrice) != contents(&other));
    }
    // In a log the rounds follow each other.
    let copy = temp.path().join("copy");
    succeed(&data, &["replay", "--to", &format!("log:{}", copy.display()), "--loop", "3", "--seed", "7"]);
    let copied = lines(&copy, &[]);
    assert_eq!(copied.len(), 3 * once.len());
    assert!(copied.is_sorted_by_key(|line| line.received_us));
    let length = once.last().unwrap().received_us - once[0].received_us + 1;
    assert_eq!(copied[once.len()].received_us, once[0].received_us + length);
    assert_eq!(by_session(&copied).len(), 45);
}

#[test]
fn sessions_begin_at_the_rate_and_keep_their_rhythm() {
    let temp = folder();
    let data = temp.path().join("data");
    // Six sessions an hour apart, each with a batch every ten seconds.
    let mut records = Vec::new();
    for session in 0..6 {
        for number in 0..5 {
            let at_us = DAY_US + session * 3_600_000_000 + u64::from(number) * 10_000_000;
            records.push(batch(100 + session, number, at_us, &tracker_batch(None, 20)));
        }
    }
    write(&data, &records);
    let play = |name: &str, more: &[&str]| {
        let copy = temp.path().join(name);
        let to = format!("log:{}", copy.display());
        succeed(&data, &[&["replay", "--to", &to, "--sessions-per-second", "0.5"], more].concat());
        lines(&copy, &[])
    };
    let times = |lines: &[Line]| {
        let mut of: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for line in lines {
            of.entry(line.session).or_default().push((line.received_us - DAY_US) / 1_000_000);
        }
        let mut all: Vec<Vec<u64>> = of.into_values().collect();
        all.sort();
        all
    };
    let expected = |speed: u64, sessions: u64| -> Vec<Vec<u64>> {
        (0..sessions).map(|session| (0..5).map(|number| session * 2 + number * 10 / speed).collect()).collect()
    };
    let played = play("plain", &[]);
    assert_eq!(times(&played), expected(1, 6));
    assert!(played.is_sorted_by_key(|line| line.received_us));
    assert_eq!(times(&play("fast", &["--speed", "5"])), expected(5, 6));
    // Rounds go on at the same rate; what is in memory or in a file is the same.
    let rounds = play("rounds", &["--loop", "2"]);
    assert_eq!(times(&rounds), expected(1, 12));
    assert!(contents(&rounds) == contents(&play("spilled", &["--loop", "2", "--memory", "1"])));
    let finished = takeup(&data, &["replay", "--to", "-", "--sessions-per-second", "0"]);
    assert!(finished.code == Some(2) && finished.stderr.contains("such as 20"), "{finished:?}");
}

#[test]
fn the_summary_of_rounds_adds_up() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(5, 6));
    for (number, more) in [&["--loop", "3"][..], &["--loop", "3", "--sessions-per-second", "100"]].iter().enumerate() {
        let to = format!("log:{}", temp.path().join(number.to_string()).display());
        let summary = succeed(&data, &[&["replay", "--to", &to, "--json"], *more].concat()).lines().remove(0);
        let counts =
            ["records", "batches", "not_sent", "sessions"].map(|name| summary[name].as_u64().expect("a count"));
        assert_eq!(counts, [90, 90, 0, 5], "{summary}");
    }
}
