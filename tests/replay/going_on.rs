//! A replay that was ended goes on, without loss.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Home, PATIENCE};

use super::made::{self, command, contents, folder, lines, many, parsed, succeed, takeup, write};

/// Runs a command and ends it with a signal after a while. Returns whether it had not ended by itself.
fn run_for(data: &Path, arguments: &[&str], time: Duration, signal: Signal) -> bool {
    let mut child = command(data, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    let began = Instant::now();
    while began.elapsed() < time {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    let pid = Pid::from_raw(child.id() as i32).expect("a process");
    let _ = kill_process(pid, signal);
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("a child").is_none() {
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::yield_now();
    }
    true
}

#[test]
fn a_replay_to_a_log_that_is_killed_anywhere_goes_on_with_each_record_once() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(30, 50));
    succeed(&data, &["compact"]);
    for (number, more) in
        [&["--source", "log"][..], &["--loop", "3"], &["--sessions-per-second", "3"]].iter().enumerate()
    {
        let [whole, copy, state] =
            ["whole", "copy", "state"].map(|name| temp.path().join(format!("{name}-{number}")).display().to_string());
        succeed(&data, &[&["replay", "--to", &format!("log:{whole}")], *more].concat());
        let to = format!("log:{copy}");
        let arguments = [&["replay", "--to", &to, "--resume", &state], *more].concat();
        let (mut kills, mut time) = (0, Duration::from_millis(20));
        while run_for(&data, &arguments, time, Signal::KILL) {
            kills += 1;
            time = time * 3 / 2;
            assert!(kills < 40, "it never ends");
        }
        let finished = succeed(&data, &[&arguments[..], &["--json"]].concat());
        assert_eq!(finished.lines()[0]["batches"], 0, "all was sent: {finished:?}");
        assert!(
            contents(&lines(Path::new(&copy), &[])) == contents(&lines(Path::new(&whole), &[])),
            "{more:?}, {kills} kills"
        );
        succeed(Path::new(&copy), &["verify"]);
    }
}

#[test]
fn a_replay_to_a_server_that_is_ended_goes_on_without_loss_and_in_order() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(20, 200));
    let recorded = lines(&data, &[]);
    // The state is written once a second, while hundreds of batches wait for their connections.
    for (signal, first) in [(Signal::INT, Duration::from_millis(200)), (Signal::KILL, Duration::from_millis(1200))] {
        let home = Home::new();
        let server = home.serve(&[]);
        let state = temp.path().join(format!("{signal:?}")).display().to_string();
        let secret = home.data().join("secrets/token").display().to_string();
        let to = format!("http://{}", server.addr);
        let arguments =
            ["replay", "--to", &to, "--fast", "--token-secret-file", &secret, "--resume", &state, "--connections", "3"];
        let (mut ended, mut time) = (0, first);
        while run_for(&data, &arguments, time, signal) {
            ended += 1;
            time = time * 3 / 2;
            assert!(ended < 40, "it never ends");
        }
        let mut sessions: BTreeMap<u64, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        for line in lines(home.data(), &[]) {
            sessions.entry(line.session).or_default().push((line.number, line.body));
        }
        let mut expected: BTreeMap<u64, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        for line in &recorded {
            expected.entry(line.session).or_default().push((line.number, line.body.clone()));
        }
        assert!(sessions == expected, "{signal:?}: ended {ended} times");
        server.stop();
    }
}

#[test]
fn what_is_printed_by_one_run_and_the_next_is_everything_once() {
    let temp = folder();
    let data = temp.path().join("data");
    let records = many(20, 40);
    let (early, late) = records.split_at(600);
    let end = write(&data, early);
    let state = temp.path().join("state").display().to_string();
    let arguments = ["replay", "--to", "-", "--resume", &*state];
    let first = parsed(&succeed(&data, &arguments));
    assert_eq!(parsed(&succeed(&data, &arguments)), [], "nothing is new");
    made::write_more(&data, &end, late);
    let second = parsed(&succeed(&data, &arguments));
    assert_eq!((first.len(), second.len()), (early.len(), late.len()));
    assert!(contents(&[first, second].concat()) == contents(&lines(&data, &[])));
}

#[test]
fn a_replay_goes_on_only_with_what_it_was_begun_with() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(2, 2));
    let state = temp.path().join("state");
    let path = state.display().to_string();
    let arguments = ["replay", "--to", "-", "--resume", &*path];
    succeed(&data, &arguments);
    for more in [&["--session", "1000"][..], &["--loop", "2"], &["--source", "log"], &["--user", "x"], &["--unusable"]]
    {
        let finished = takeup(&data, &[&arguments, more].concat());
        assert_eq!(finished.code, Some(1), "{more:?}: {finished:?}");
        assert!(finished.stderr.contains(more[0]) && finished.stdout.is_empty(), "{more:?}: {}", finished.stderr);
    }
    fs::write(&state, "{\"version\":1}").unwrap();
    let finished = takeup(&data, &arguments);
    assert!(finished.code == Some(1) && finished.stderr.contains(&path), "{finished:?}");
    assert_eq!(fs::read_to_string(&state).unwrap(), "{\"version\":1}", "it stays as it was");
}
