//! Settings and projects, and what happens when they change.

use std::time::{Duration, Instant};

use crate::common::{Home, Request, Server, wait_for};

/// How soon a change of the projects must be noticed.
const NOTICE: Duration = Duration::from_secs(3);

fn project(id: u32, key: &str, more: &str) -> String {
    format!("[[projects]]\nproject_id = {id}\nproject_key = \"{key}\"\nname = \"{key}\"\n{more}\n")
}

fn start(server: &Server, key: &str) -> u16 {
    server.connect().exchange(Request::start(key)).status
}

#[test]
fn a_change_of_the_projects_is_noticed_within_seconds() {
    let home = Home::with_projects(&project(1, "OldKey", ""));
    let server = home.serve(&[]);
    assert_eq!((start(&server, "OldKey"), start(&server, "NewKey")), (200, 404));
    home.write("projects.toml", &(project(1, "OldKey", "") + &project(2, "NewKey", "")));
    let began = Instant::now();
    wait_for("the new key to work", NOTICE, || (start(&server, "NewKey") == 200).then_some(()));
    assert!(began.elapsed() < NOTICE);
    assert_eq!(start(&server, "OldKey"), 200);
    home.write("projects.toml", &(project(1, "OldKey", "active = false") + &project(2, "NewKey", "")));
    wait_for("the old key to be refused", NOTICE, || (start(&server, "OldKey") == 404).then_some(()));
}

#[test]
fn a_broken_file_of_projects_changes_nothing_and_is_told_with_its_line() {
    let good = project(1, "OldKey", "");
    let home = Home::with_projects(&good);
    let server = home.serve(&[]);
    let path = home.data().join("projects.toml").display().to_string();
    let second = good.clone() + "[[projects]]\nproject_id = 2\nproject_key = \"NewKey\"\n";
    let bad_line = format!("line {}", second.lines().count() + 1);
    for (bad, hint) in
        [("sample_rte = 5", "sample_rate"), ("this is no TOML", "="), ("project_key = \"Third\"", "duplicate")]
    {
        home.write("projects.toml", &format!("{second}{bad}\n"));
        let line = server.wait_for_line(&["\"level\":\"error\"", &path, &bad_line, hint], NOTICE);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
        assert_eq!((start(&server, "OldKey"), start(&server, "NewKey")), (200, 404), "{bad}");
    }
    home.write("projects.toml", &second);
    wait_for("the mended file to be read", NOTICE, || (start(&server, "NewKey") == 200).then_some(()));
}

#[test]
fn an_unknown_setting_is_an_error_that_names_the_nearest_one() {
    let home = Home::with_projects(&project(1, "Key", ""));
    for (text, line, nearest) in
        [("# mine\nidle_timout = \"5s\"\n", 2, "idle_timeout"), ("cores = 1\nack_mode = \"disk\"\n", 2, "ack")]
    {
        home.write("takeup.toml", text);
        let finished = home.serve_in_vain(&["--listen", "127.0.0.1:0"]);
        assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
        let place = format!("{}:{line}", home.data().join("takeup.toml").display());
        assert!(finished.stderr.contains(&place), "{place}: {}", finished.stderr);
        if nearest == "idle_timeout" {
            assert!(finished.stderr.contains("`idle_timeout`"), "{}", finished.stderr);
        }
    }
    home.write("takeup.toml", "");
    let finished = home.serve_in_vain(&["--listen", "127.0.0.1:0", "--set", "check_body=off"]);
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(finished.stderr.contains("check_bodies") && finished.stderr.contains("--set"), "{}", finished.stderr);
}

#[test]
fn a_value_that_cannot_be_is_an_error_with_its_place() {
    let home = Home::with_projects(&project(1, "Key", ""));
    home.write("takeup.toml", "\nidle_timeout = \"soon\"\n");
    let finished = home.serve_in_vain(&["--listen", "127.0.0.1:0"]);
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    let place = format!("{}:2", home.data().join("takeup.toml").display());
    assert!(finished.stderr.contains(&place) && finished.stderr.contains("soon"), "{}", finished.stderr);
    home.write("takeup.toml", "");
    home.write("projects.toml", "[[projects]]\nproject_id = \"one\"\n");
    let finished = home.serve_in_vain(&["--listen", "127.0.0.1:0"]);
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(finished.stderr.contains("projects.toml") && finished.stderr.contains("line 2"), "{}", finished.stderr);
}

#[test]
fn what_a_start_allows_can_be_sent_or_the_server_says_why_it_cannot() {
    let projects = project(1, "Plain", "") + &project(2, "Huge", "beacon_size = 100000000");
    for settings in [
        &[][..],
        &[("window_bytes", "1MiB"), ("group_bytes_max", "1MiB")],
        &[("group_bytes_max", "1MiB")],
        &[("inflight_bytes_max", "1000000")],
        &[("inflight_bytes_max", "3MiB")],
        &[("segment_bytes", "64MiB"), ("window_bytes", "16MiB"), ("group_bytes_max", "16MiB")],
    ] {
        let home = Home::with_projects(&projects);
        let server = match home.try_serve(&[&[("patience", "1s")], settings].concat()) {
            Ok(server) => server,
            Err(said) => {
                let named = settings.iter().any(|(name, _)| said.contains(name));
                assert!(named && said.contains("beacon_size_limit"), "{settings:?}: {said}");
                continue;
            }
        };
        for key in ["Plain", "Huge"] {
            let told = server.connect().exchange(Request::start(key)).json();
            let token = told["token"].as_str().expect("a token");
            let limit = told["beaconSizeLimit"].as_u64().expect("a limit") as usize;
            let answer = server.connect().exchange(Request::batch(token, vec![b'x'; limit]));
            assert_eq!(answer.status, 200, "{settings:?} {key} {limit}: {}", answer.text());
            let answer = server.connect().exchange(Request::batch(token, vec![b'x'; limit + 1]));
            assert_eq!(answer.status, 413, "{settings:?} {key} {limit}: {}", answer.text());
        }
    }
}

#[test]
fn the_command_line_goes_before_the_file() {
    let home = Home::with_projects(&project(1, "Key", ""));
    home.write("takeup.toml", "beacon_size_limit = 10\nprefix = \"/from-file\"\n");
    let server = home.serve(&[("beacon_size_limit", "20")]);
    let mut client = server.connect();
    let token = home.token(7);
    assert_eq!(client.exchange(Request::batch(&token, [b'x'; 20])).status, 200);
    assert_eq!(client.exchange(Request::batch(&token, b"x").under("/from-file")).status, 200);
    assert_eq!(server.connect().exchange(Request::batch(&token, [b'x'; 21])).status, 413);
}

#[test]
fn a_sessions_batches_have_its_projects_limit_after_restarts_too() {
    let projects = project(1, "Small", "beacon_size = 2000") + &project(2, "Large", "");
    let home = Home::with_projects(&projects);
    let server = home.serve(&[("cores", "2")]);
    let answer = server.connect().exchange(Request::start("Small"));
    assert_eq!(answer.json()["beaconSizeLimit"], 2000, "{}", answer.text());
    let (small, large) = (server.start_session("Small"), server.start_session("Large"));

    let check = |server: &Server| {
        // Enough connections that each core has some.
        for _ in 0..8 {
            let status = |token: &str, bytes: usize| {
                let answer = server.connect().exchange(Request::batch(token, vec![b'x'; bytes]));
                answer.status
            };
            assert_eq!(status(&small, 2_000), 200);
            assert_eq!(status(&small, 2_001), 413);
            assert_eq!(status(&large, 5_000), 200);
        }
    };
    check(&server);
    server.stop();
    for cores in ["2", "1"] {
        let server = home.serve(&[("cores", cores)]);
        server.wait_for_line(&["sessions known from the log"], Duration::from_secs(10));
        check(&server);
        // The second time from a log that was never closed.
        server.kill();
    }
    let stored = home.stored();
    assert_eq!(stored.len(), 3 * 16);
    assert!(stored.iter().all(|batch| batch.project == if batch.body.len() == 2_000 { 1 } else { 2 }));
}
