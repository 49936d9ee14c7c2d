//! `takeup load` against a real server: what it acknowledges is in the log, what goes wrong is counted, and no pause is hidden.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use common::{Finished, Home, Server, wait_for};

/// A run takes seconds, and then waits up to 20 s for answers.
const PATIENCE: Duration = Duration::from_secs(90);

/// A data folder with a server, and a folder for what runs leave behind.
struct Range {
    home: Home,
    server: Server,
    files: tempfile::TempDir,
}

impl Range {
    fn new(settings: &[(&str, &str)]) -> Range {
        let home = Home::new();
        let server = home.serve(settings);
        Range { home, server, files: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder") }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.addr)
    }

    /// Starts a run that notes its ledger and prints JSON.
    fn begin(&self, options: &[&str]) -> Child {
        let (url, ledger) = (self.url(), self.file("ledger"));
        let fixed = ["load", "--url", &url, "--json", "--ledger", path(&ledger)];
        self.home.follow(&[&fixed[..], options].concat())
    }

    /// A whole run.
    fn run(&self, options: &[&str]) -> (Option<i32>, Value) {
        end(self.begin(options))
    }

    fn check(&self) -> (Option<i32>, Value) {
        let ledger = self.file("ledger");
        let done = self.home.takeup(&["load", "--check", path(self.home.data()), "--ledger", path(&ledger), "--json"]);
        (done.code, serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}")))
    }

    /// Waits until so many batches have been acknowledged.
    fn wait_for_batches(&self, count: usize) {
        wait_for("acknowledged batches", PATIENCE, || {
            let ledger = fs::read_to_string(self.file("ledger")).unwrap_or_default();
            (ledger.lines().count() > count).then_some(())
        });
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Waits for the end of a run, and reads its summary.
fn end(mut child: Child) -> (Option<i32>, Value) {
    wait_for("the end of the run", PATIENCE, || child.try_wait().expect("a child"));
    let output = child.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&output.stderr);
    let summary = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), summary)
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} in {value}"))
}

#[test]
fn what_every_generation_of_trackers_sends_is_in_the_log_in_order() {
    for tracker in ["12", "18", "19"] {
        let range = Range::new(&[]);
        let (code, summary) =
            range.run(&["--tracker", tracker, "--users", "8", "--ramp", "1s", "--duration", "5s", "--speed", "20"]);
        assert_eq!((code, number(&summary, "trackers_lost")), (Some(0), 0), "{summary}");
        let acknowledged = number(&summary, "batches_acknowledged");
        assert!(acknowledged >= 20 && number(&summary, "batches_due") == acknowledged, "{summary}");
        let statuses: Vec<_> = summary["statuses"].as_object().expect("statuses").keys().collect();
        assert_eq!(statuses, ["200"], "{summary}");
        assert_eq!(summary["batch"]["count"], acknowledged);
        assert!(number(&summary["preflight"], "count") > 0 && number(&summary["start"], "count") >= 8);

        let (code, found) = range.check();
        assert_eq!((code, number(&found, "missing"), number(&found, "out_of_order")), (Some(0), 0, 0), "{found}");
        assert_eq!((number(&found, "acknowledged"), number(&found, "unacknowledged")), (acknowledged, 0));
        // The bodies are batches that the rest of takeup can read.
        let broken = range.home.takeup(&["sessions", "--broken"]);
        assert!(!broken.stdout.contains("broken") || broken.code == Some(0), "{broken:?}");
        let flags: Vec<_> = range.home.stored().iter().map(|batch| batch.line["flags"].to_string()).collect();
        assert!(!flags.iter().any(|flags| flags.contains("unusable")), "{flags:?}");
    }
}

#[test]
fn connections_that_are_shared_and_threads_lose_nothing() {
    let range = Range::new(&[]);
    let (code, summary) = range.run(&[
        "--users",
        "20",
        "--connections",
        "3",
        "--threads",
        "2",
        "--ramp",
        "0",
        "--duration",
        "3s",
        "--rate",
        "150",
    ]);
    assert_eq!((code, number(&summary, "trackers_lost")), (Some(0), 0), "{summary}");
    assert!(number(&summary, "connection_waits") > 0, "{summary}");
    let (code, found) = range.check();
    assert_eq!((code, number(&found, "missing")), (Some(0), 0), "{found}");
    assert!(number(&found, "acknowledged") > 20);
}

#[test]
fn a_server_that_is_killed_and_comes_back_has_all_that_it_acknowledged() {
    let mut range = Range::new(&[]);
    let run = range.begin(&["--users", "8", "--ramp", "0", "--duration", "6s", "--speed", "20"]);
    range.wait_for_batches(20);
    let listen = range.server.addr.to_string();
    let usual = [("TAKEUP_CORES", "1"), ("TAKEUP_SEGMENT_BYTES", "8MiB"), ("TAKEUP_WINDOW_BYTES", "2MiB")];
    let usual = usual.into_iter().chain([("TAKEUP_GROUP_BYTES_MAX", "2MiB"), ("TAKEUP_ADMIN", "127.0.0.1:0")]);
    let environment: Vec<_> = usual.chain([("TAKEUP_LISTEN", &*listen)]).collect();
    range.server.signal(Signal::KILL);
    range.server.wait(PATIENCE);
    range.server = range.home.serve_from_environment(&environment);
    let (_, summary) = end(run);
    let faults = summary["faults"].as_object().expect("faults");
    assert!(!faults.is_empty() && number(&summary, "retries") > 0, "{summary}");
    let (code, found) = range.check();
    assert_eq!((code, number(&found, "missing"), number(&found, "out_of_order")), (Some(0), 0, 0), "{found}");
}

#[test]
fn a_server_that_stands_still_for_a_second_shows_in_the_percentiles() {
    let range = Range::new(&[]);
    let run = range.begin(&["--users", "4", "--ramp", "0", "--duration", "6s", "--rate", "100"]);
    range.wait_for_batches(10);
    range.server.signal(Signal::STOP);
    thread::sleep(Duration::from_secs(1));
    range.server.signal(Signal::CONT);
    let (_, summary) = end(run);
    let batch = &summary["batch"];
    assert!(number(batch, "max") >= 900_000, "{summary}");
    // Four visitors had four requests under way: a loop that waits for answers would have measured four slow ones.
    assert!(number(batch, "p95") >= 200_000, "{summary}");
    assert!(number(&summary["exchange"], "p50") < number(batch, "p95"), "{summary}");
}

#[test]
fn trackers_that_get_no_good_answer_for_too_long_are_lost_and_counted() {
    let mut range = Range::new(&[]);
    let run = range.begin(&["--users", "4", "--ramp", "0", "--duration", "4s", "--speed", "20"]);
    range.wait_for_batches(4);
    range.server.signal(Signal::KILL);
    range.server.wait(PATIENCE);
    let (code, summary) = end(run);
    assert_eq!(code, Some(1), "{summary}");
    assert!(number(&summary, "trackers_lost") > 0 && number(&summary, "batches_lost") > 0, "{summary}");
    // Ten waits of 250, 500, ... ms.
    assert!(number(&summary["batch"], "max") >= 13_750_000, "{summary}");
    let (code, found) = range.check();
    assert_eq!((code, number(&found, "missing")), (Some(0), 0), "{found}");
}

fn refused(done: &Finished, texts: &[&str]) {
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(texts.iter().all(|text| done.stderr.contains(text)) && done.stdout.is_empty(), "{done:?}");
}

#[test]
fn a_server_that_lets_nobody_in_is_told_and_not_loaded() {
    let range = Range::new(&[("use_cors", "false")]);
    let (url, home) = (range.url(), &range.home);
    refused(&home.takeup(&["load", "--url", &url]), &["CORS", "--no-preflights"]);
    refused(&home.takeup(&["load", "--url", &url, "--no-preflights", "--project", "nobody's"]), &["404", "key"]);
    refused(&home.takeup(&["load", "--url", &format!("{url}/nowhere"), "--no-preflights"]), &["404"]);
    refused(&home.takeup(&["load", "--url", "http://127.0.0.1:1"]), &["connection refused"]);
    refused(&home.takeup(&["load", "--url", "http://192.0.2.1:80"]), &["--project"]);
    refused(&home.takeup(&["load", "--url", "https://127.0.0.1:80"]), &["TLS"]);
    assert_eq!(home.takeup(&["load", "--url", &url, "--users", "0"]).code, Some(2));
    assert_eq!(home.takeup(&["load", "--url", &url, "--duration", "25h"]).code, Some(2));

    let good = ["--no-preflights", "--users", "2", "--duration", "1s", "--speed", "50"];
    let (code, summary) = range.run(&good);
    assert_eq!(code, Some(0), "{summary}");
    assert_eq!(number(&summary["preflight"], "count"), 0);
    // A second run must not overwrite what the first one proves.
    let ledger = range.file("ledger");
    let again = [&["load", "--url", &url, "--ledger", path(&ledger)], &good[..]].concat();
    refused(&home.takeup(&again), &["ledger"]);
    assert_eq!(range.check().0, Some(0));
}

#[test]
fn a_ledger_with_a_batch_that_the_log_lacks_is_told() {
    let range = Range::new(&[]);
    range.run(&["--users", "2", "--ramp", "0", "--duration", "2s", "--speed", "50"]);
    let mut ledger = fs::read_to_string(range.file("ledger")).expect("the ledger");
    ledger += &format!("{{\"s\":\"77\",\"h\":\"{}\",\"o\":1}}\n", "ab".repeat(16));
    fs::write(range.file("ledger"), ledger).expect("the ledger can be written");
    let (code, found) = range.check();
    assert_eq!((code, number(&found, "missing")), (Some(1), 1), "{found}");
    assert_eq!(found["missing_examples"][0], format!("77 {}", "ab".repeat(16)));
    let (log, ledger) = (range.home.data().join("log"), range.file("ledger"));
    let told = range.home.takeup(&["load", "--check", path(&log), "--ledger", path(&ledger)]);
    assert!(told.code == Some(1) && told.stdout.contains("missing       1\n"), "{told:?}");
    fs::write(range.file("ledger"), "hello\n").expect("the ledger can be written");
    refused(&range.home.takeup(&["load", "--check", path(&log), "--ledger", path(&ledger)]), &["ledger:1"]);
}
