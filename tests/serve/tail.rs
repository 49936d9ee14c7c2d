//! `takeup tail`: what it follows, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{Home, PATIENCE, Request, Server, wait_for};

/// A `takeup tail` that runs, and the lines that it prints. Killed when dropped.
struct Tail {
    child: Child,
    lines: Receiver<String>,
}

impl Tail {
    fn new(home: &Home, arguments: &[&str]) -> Tail {
        let arguments: Vec<&str> = ["tail"].iter().chain(arguments).copied().collect();
        let mut child = home.follow(&arguments);
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (send, lines) = channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Tail { child, lines }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => panic!("{error}: {}", self.end(Signal::KILL).1),
        }
    }

    #[track_caller]
    fn record(&mut self) -> Value {
        serde_json::from_str(&self.line()).expect("NDJSON")
    }

    /// What comes within a moment.
    fn rest(&self, moment: Duration) -> Vec<String> {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(moment) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return rest,
            }
        }
    }

    /// How it ends, and what it said to a person.
    fn end(&mut self, signal: Signal) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.child), signal).expect("it takes a signal");
        let status = wait_for("the end of the tail", PATIENCE, || self.child.try_wait().expect("a child"));
        let mut said = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
        (status, said)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(server: &Server, token: &str, body: &str) {
    assert_eq!(server.connect().exchange(Request::batch(token, body.as_bytes())).status, 200);
}

#[test]
fn a_tail_shows_records_within_a_second_and_goes_on_when_the_server_is_killed_and_comes_back() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    let token = server.start_session(&home.project_key());
    let mut tail = Tail::new(&home, &["--json", "--from", "start"]);
    assert_eq!(tail.record()["kind"], "start");
    let mut quickest = Duration::MAX;
    let mut shown = |server: &Server, number: usize| {
        // Each body has a length of its own, to be known by.
        send(server, &token, &"x".repeat(number));
        let answered = Instant::now();
        let record = tail.record();
        assert_eq!((&record["kind"], &record["bytes"]), (&"batch".into(), &number.into()), "{record}");
        quickest = quickest.min(answered.elapsed());
    };
    (1..6).for_each(|number| shown(&server, number));
    server.kill();
    let server = home.serve(&[("cores", "2")]);
    (6..9).for_each(|number| shown(&server, number));
    server.stop();
    let server = home.serve(&[("cores", "1")]);
    (9..12).for_each(|number| shown(&server, number));
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
    assert_eq!(tail.rest(Duration::from_millis(300)), [""; 0]);
    let (status, said) = tail.end(Signal::INT);
    assert_eq!((status.code(), &*said), (Some(0), ""));
}

#[test]
fn a_tail_prints_what_inspect_prints_of_the_records_that_were_asked_for() {
    let home = Home::with_projects(
        "[[projects]]\nproject_id = 1\nproject_key = \"one\"\n[[projects]]\nproject_id = 2\nproject_key = \"two\"\n",
    );
    let server = home.serve(&[("cores", "2")]);
    let tokens = ["one", "two"].map(|key| server.start_session(key));
    for number in 0..10 {
        send(&server, &tokens[number % 2], &format!("body {number}"));
    }
    let inspected = home.takeup(&["inspect", "--records", "--json"]);
    let mut expected: Vec<Value> = inspected.lines();
    expected.sort_by_key(|line| line["received_us"].as_u64());
    assert_eq!(expected.len(), 12);
    let all = |arguments: &[&str], count: usize| {
        let mut tail = Tail::new(&home, &[&["--json"], arguments].concat());
        let lines: Vec<Value> = (0..count).map(|_| tail.record()).collect();
        assert_eq!(tail.rest(Duration::from_millis(150)), [""; 0], "{arguments:?}");
        lines
    };
    let of = |project: u64| expected.iter().filter(|line| line["project_id"] == project).cloned().collect::<Vec<_>>();
    let session = of(2)[0]["session_id"].as_str().expect("a text").to_owned();
    assert_eq!(all(&["--from", "start"], 12), expected);
    assert_eq!(all(&["--from", "1h"], 12), expected);
    assert_eq!(all(&["--from", "start", "--project", "1"], 6), of(1));
    assert_eq!(all(&["--from", "start", "--project", "two"], 6), of(2));
    assert_eq!(all(&["--from", "start", "--session", &session], 6), of(2));
    assert_eq!(all(&["-n", "3"], 3), expected[9..]);
    assert_eq!(all(&["-n", "2", "--project", "one"], 2), of(1)[4..]);
    assert_eq!(all(&["-n", "100"], 12), expected);
    assert_eq!(all(&["-n", "0"], 0), [Value::Null; 0]);
    assert_eq!(all(&[], 0), [Value::Null; 0]);
    server.stop();
    assert_eq!(all(&["-n", "3"], 3), expected[9..], "without a server");
    let mut tail = Tail::new(&home, &["--from", "start"]);
    assert!(tail.line().starts_with("RECEIVED"));
    assert!(tail.line().contains("  start  "));
    for (arguments, complaint) in
        [(["--project", "three"], "three"), (["--from", "yesterday"], "expected start, end, or a time")]
    {
        let finished = home.takeup(&[&["tail"], &arguments[..]].concat());
        assert!(finished.code != Some(0) && finished.stderr.contains(complaint), "{finished:?}");
    }
}

#[test]
fn a_tail_ends_quietly_when_nobody_reads_it_any_more() {
    let home = Home::new();
    home.serve(&[]).stop();
    let mut child = home.follow(&["tail"]);
    drop(child.stdout.take());
    let status = wait_for("the end of the tail", PATIENCE, || child.try_wait().expect("a child"));
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
    assert_eq!((status.code(), &*said), (Some(0), ""));
}

#[test]
fn a_tail_tells_of_damage_and_goes_on_behind_it() {
    let home = Home::new();
    let server = home.serve(&[]);
    let token = server.start_session(&home.project_key());
    for number in 0..3 {
        send(&server, &token, &format!("body {number}"));
    }
    server.stop();
    let records = home.takeup(&["inspect", "--records", "--json"]).lines();
    let id: Vec<&str> = records[2]["id"].as_str().expect("a text").split('/').collect();
    let path = home.data().join(format!("log/core-00/{:0>20}.seg", id[2]));
    let offset: u64 = id[3].parse().expect("a number");
    let segment = fs::OpenOptions::new().write(true).open(&path).expect("a sealed segment");
    segment.write_all_at(b"!", offset + 5).expect("the file can be written");
    let mut tail = Tail::new(&home, &["--json", "--from", "start"]);
    let shown: Vec<Value> = (0..3).map(|_| tail.record()).collect();
    assert_eq!(shown, [records[0].clone(), records[1].clone(), records[3].clone()]);
    let (status, said) = tail.end(Signal::TERM);
    let place = format!("{}: damaged at offset {offset}", path.display());
    assert!(status.success() && said.contains(&place) && said.lines().count() == 1, "{said}");
}

#[test]
fn a_batch_that_was_sent_twice_is_stored_twice_and_handed_on_once() {
    let home = Home::new();
    let server = home.serve(&[("cores", "2")]);
    let token = server.start_session(&home.project_key());
    for body in ["a body", "a body", "another one", "a body"] {
        send(&server, &token, body);
    }
    let bytes = |tail: &mut Tail| tail.record()["bytes"].as_u64().expect("a number");
    let mut tail = Tail::new(&home, &["--json", "--from", "start"]);
    bytes(&mut tail);
    assert_eq!([bytes(&mut tail), bytes(&mut tail)], [6, 11]);
    assert_eq!(tail.rest(Duration::from_millis(300)), [""; 0]);
    let mut tail = Tail::new(&home, &["--json", "--from", "start", "--with-repeats"]);
    bytes(&mut tail);
    assert_eq!([(); 4].map(|()| bytes(&mut tail)), [6, 6, 11, 6]);
    assert_eq!(home.stored().len(), 4);
    let replayed = home.takeup(&["replay", "--to", "-"]);
    assert_eq!(replayed.lines().len(), 2);
    assert!(replayed.stderr.contains("2 repeats left out"), "{}", replayed.stderr);
    let sessions = home.takeup(&["sessions", "--json"]);
    assert_eq!(sessions.lines()[0]["batches"], 2);
    assert_eq!(home.takeup(&["inspect", "--records", "--json"]).lines().len(), 5, "inspect shows what is stored");
    server.stop();
}

#[test]
fn a_tail_that_deletion_overtakes_says_how_much_it_has_not_shown() {
    let home = Home::new();
    let settings = [("segment_bytes", "4MiB"), ("cores", "1"), ("retain_bytes", "24MiB")];
    let server = home.serve(&settings);
    let (token, mut client) = (home.token(7), server.connect());
    let mut send = |number: usize| {
        let body = format!("{number:08}").repeat(2_500);
        assert_eq!(client.exchange(Request::batch(&token, body.as_bytes())).status, 200);
    };
    send(0);
    // Nobody reads its output, so that it stands still when the pipe is full.
    let mut child = home.follow(&["tail", "--json", "--from", "start", "--with-repeats"]);
    let ledger = home.data().join("log/core-00/deleted.json");
    let deleted = || fs::read_to_string(&ledger).map_or(0, |text| text.matches("\"segment\"").count());
    let mut sent = 1;
    while deleted() < 8 && sent < 20_000 {
        send(sent);
        sent += 1;
    }
    server.stop();
    let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let shown = thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).count());
    let (send, said) = channel();
    thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let told = said.recv_timeout(PATIENCE);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it takes a signal");
    wait_for("the end of the tail", PATIENCE, || child.try_wait().expect("a child"));
    let (told, shown) = (told.expect("a line about it"), shown.join().expect("it reads"));
    let records: usize = told
        .split("up to ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .map_or(0, |count| count.replace(',', "").parse().expect("a number of records"));
    assert!(records > 0 && shown < sent && told.contains("MiB"), "{told}: {shown} of {sent}");
}
