//! Files that somebody writes while the server reads them, or starts.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Home, PATIENCE, Request, Server, wait_for};

const PROJECTS: &str = "[[projects]]\nproject_id = 1\nproject_key = \"KeyA\"\nretain_days = 0\n\
                        [[projects]]\nproject_id = 2\nproject_key = \"KeyB\"\nactive = false\n\
                        [[projects]]\nproject_id = 3\nproject_key = \"KeyC\"\n";

/// Writes as a shell does: the file is empty first, and has these bytes then.
fn write_in_place(home: &Home, name: &str, text: &str) {
    fs::write(home.data().join(name), text).expect("the data folder takes files");
}

fn home() -> Home {
    let home = Home::with_projects(PROJECTS);
    fs::create_dir(home.data().join("secrets")).expect("a folder");
    write_in_place(&home, "secrets/token", "old-secret\n");
    home
}

/// The status of a batch under this token, on a connection that has not seen it before.
fn batch(server: &Server, token: &str) -> u16 {
    server.connect().exchange(Request::batch(token, b"x")).status
}

fn start(server: &Server, key: &str) -> u16 {
    server.connect().exchange(Request::start(key)).status
}

#[test]
fn a_secret_that_is_missing_for_a_while_refuses_no_token() {
    let home = home();
    let server = home.serve(&[]);
    let old = server.start_session("KeyA");
    write_in_place(&home, "secrets/token", "new-secret\n");
    server.wait_for_line(&["token secrets are missing", "\"secrets\":\"1\"", "\"seconds\":\"60\""], PATIENCE);
    let new = server.start_session("KeyA");
    assert_eq!((batch(&server, &old), batch(&server, &new)), (200, 200));
    // Cut in the middle of a secret: nobody could sign with the whole of it.
    write_in_place(&home, "secrets/token", "new-sec");
    server.wait_for_line(&["can't be taken over", "in the middle of a secret"], PATIENCE);
    assert_eq!((batch(&server, &old), batch(&server, &new)), (200, 200));
    write_in_place(&home, "secrets/token", "new-secret\n");
    server.signal(Signal::HUP);
    server.wait_for_line(&["the settings were read again, nothing"], PATIENCE);
    server.kill();
    // A start in the middle knows the old one as well.
    let server = home.serve(&[]);
    assert_eq!((batch(&server, &old), batch(&server, &new)), (200, 200));
    server.stop();
    let server = home.serve(&[("removal_grace", "1s")]);
    wait_for("the old secret to be gone", PATIENCE, || (batch(&server, &old) == 401).then_some(()));
    assert_eq!(batch(&server, &new), 200);
    server.stop();
}

#[test]
fn projects_that_are_missing_for_a_while_are_served_and_named() {
    let home = home();
    let server = home.serve(&[]);
    write_in_place(&home, "projects.toml", "");
    server.wait_for_line(&["\"level\":\"error\"", "holds no project any more, 3 were there"], PATIENCE);
    assert_eq!((start(&server, "KeyA"), start(&server, "KeyB"), start(&server, "KeyC")), (200, 404, 200));
    // Cut in a table, which is right all the same.
    write_in_place(&home, "projects.toml", &PROJECTS[..PROJECTS.find("active").expect("it is there")]);
    server.wait_for_line(&["projects are missing", "\"projects\":\"3\"", "\"seconds\":\"60\""], PATIENCE);
    server.wait_for_line(&["projects have lost lines", "\"projects\":\"2\""], PATIENCE);
    assert_eq!((start(&server, "KeyA"), start(&server, "KeyB"), start(&server, "KeyC")), (200, 404, 200));
    let more = "[[projects]]\nproject_id = 9\nproject_key = \"KeyI\"\n";
    write_in_place(&home, "projects.toml", more);
    wait_for("the new project", PATIENCE, || (start(&server, "KeyI") == 200).then_some(()));
    assert_eq!(start(&server, "KeyC"), 200);
    server.stop();
    let server = home.serve(&[("removal_grace", "100ms")]);
    server.wait_for_line(&["projects were removed", "\"projects\":\"1 2 3\""], PATIENCE);
    assert_eq!((start(&server, "KeyA"), start(&server, "KeyI")), (404, 200));
    server.stop();
}

#[test]
fn a_setting_that_is_missing_for_a_while_holds() {
    let home = home();
    home.write("takeup.toml", "beacon_size_limit = 2000\nlog_sample = 7\n");
    let server = home.serve(&[]);
    let limit = || server.connect().exchange(Request::start("KeyA")).json()["beaconSizeLimit"].clone();
    write_in_place(&home, "takeup.toml", "");
    server.wait_for_line(&["can't be taken over", "this file is empty or gone, and held 2 settings"], PATIENCE);
    fs::remove_file(home.data().join("takeup.toml")).expect("it can be removed");
    server.signal(Signal::HUP);
    assert_eq!(limit(), 2000);
    write_in_place(&home, "takeup.toml", "log_sample = 8\n");
    server.wait_for_line(&["a setting was changed", "\"setting\":\"log_sample\""], PATIENCE);
    server.wait_for_line(&["settings are missing", "\"settings\":\"beacon_size_limit\""], PATIENCE);
    assert_eq!(limit(), 2000);
    // A number may be cut, too.
    write_in_place(&home, "takeup.toml", "log_sample = 8\nbeacon_size_limit = 20");
    server.signal(Signal::HUP);
    server.wait_for_line(&["the settings were read again, nothing"], PATIENCE);
    assert_eq!(limit(), 2000);
    write_in_place(&home, "takeup.toml", "log_sample = 8\nremoval_grace = \"100ms\"\n");
    server.wait_for_line(&["a setting was changed", "\"setting\":\"beacon_size_limit\""], PATIENCE);
    assert_eq!(limit(), 1_000_000);
    server.stop();
}

#[test]
fn a_restart_with_cut_files_turns_nobody_away() {
    let home = home();
    home.write("takeup.toml", "beacon_size_limit = 2000\nlog_sample = 7\n");
    let server = home.serve(&[]);
    let token = server.start_session("KeyC");
    server.kill();
    write_in_place(&home, "takeup.toml", "log_sample = 7\n");
    write_in_place(&home, "secrets/token", "");
    write_in_place(&home, "projects.toml", &PROJECTS[..PROJECTS.find("[[projects]]\nproject_id = 3").expect("there")]);
    let server = home.serve(&[]);
    server.wait_for_line(&["\"level\":\"warn\"", "secrets/token", "the secrets of the last run hold"], PATIENCE);
    assert_eq!((batch(&server, &token), start(&server, "KeyC"), start(&server, "KeyB")), (200, 200, 404));
    assert_eq!(server.connect().exchange(Request::start("KeyA")).json()["beaconSizeLimit"], 2000);
    server.stop();
    assert_eq!(fs::read_to_string(home.data().join("kept/projects.toml")).expect("a copy"), PROJECTS);
    assert_eq!(fs::read_to_string(home.data().join("kept/ages.json")).expect("a copy"), "{\"1\":0}");
}

#[test]
fn a_folder_that_is_not_new_gets_no_new_key_and_no_new_secret() {
    let home = home();
    home.serve(&[]).stop();
    for name in ["projects.toml", "secrets/token"] {
        let path: PathBuf = home.data().join(name);
        let text = fs::read(&path).expect("it is there");
        fs::remove_file(&path).expect("it can be removed");
        let finished = home.serve_in_vain(&["--listen", "127.0.0.1:0"]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        for part in [name, "is gone, and this folder is not new", "Put it back", "kept/"] {
            assert!(finished.stderr.contains(part), "{}", finished.stderr);
        }
        assert!(!path.exists());
        fs::write(&path, text).expect("it can be put back");
    }
    // The copies alone tell it too.
    fs::remove_dir_all(home.data().join("log")).expect("the log can be removed");
    fs::remove_file(home.data().join("projects.toml")).expect("it can be removed");
    assert_eq!(home.serve_in_vain(&["--listen", "127.0.0.1:0"]).code, Some(1));
}

#[test]
fn records_that_are_kept_for_ever_outlive_a_cut_file() {
    let home = home();
    let projects = "[[projects]]\nproject_id = 2\nproject_key = \"KeyB\"\n\
                    [[projects]]\nproject_id = 1\nproject_key = \"KeyA\"\nretain_days = 0\n";
    home.write("projects.toml", projects);
    // A segment of each, and one behind them, which stays in any case. What is deleted goes from the oldest on.
    for key in ["KeyA", "KeyB", "KeyB"] {
        let server = home.serve(&[]);
        let token = server.start_session(key);
        assert_eq!(batch(&server, &token), 200);
        server.stop();
    }
    let of_first = || home.stored().iter().filter(|batch| batch.project == 1).count();
    assert_eq!(of_first(), 1, "{:?}", home.stored());
    for cut in ["retain_days", "[[projects]]\nproject_id = 1"] {
        let end = projects.find(cut).expect("it is there");
        write_in_place(&home, "projects.toml", &projects[..end]);
        // A file at rest, and no grace: that the line is gone is as certain as it will ever be.
        std::thread::sleep(Duration::from_millis(1_200));
        let server = home.serve(&[("retain_age", "1s"), ("removal_grace", "0")]);
        if cut == "retain_days" {
            server.wait_for_line(&["segment deleted"], PATIENCE);
        } else {
            server.wait_for_line(&["projects were removed", "\"projects\":\"1\""], PATIENCE);
        }
        let said = server.said();
        server.stop();
        assert_eq!(of_first(), 1, "{cut} {said}");
    }
    write_in_place(&home, "projects.toml", &format!("removed = [1]\n{projects}")[..]);
    assert_eq!(home.takeup(&["config", "check"]).code, Some(1), "in the file and removed");
    write_in_place(&home, "projects.toml", "removed = [1]\n[[projects]]\nproject_id = 2\nproject_key = \"KeyB\"\n");
    let server = home.serve(&[("retain_age", "1s"), ("removal_grace", "0")]);
    server.wait_for_line(&["segment deleted"], PATIENCE);
    server.stop();
    assert_eq!(of_first(), 0, "the file says so");
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_up_neither_server_nor_stop() {
    let home = home();
    let server = home.serve(&[]);
    let token = server.start_session("KeyA");
    let names = ["projects.toml", "secrets/token"];
    let put_pipes = || {
        for path in names.map(|name| home.data().join(name)) {
            fs::remove_file(&path).expect("it was there");
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        }
    };
    put_pipes();
    server.wait_for_line(&["the file of projects is broken", "it is a pipe"], PATIENCE);
    server.wait_for_line(&["the settings can't be taken over", "it is a pipe"], PATIENCE);
    assert_eq!((start(&server, "KeyA"), batch(&server, &token)), (200, 200));
    for path in names.map(|name| home.data().join(name)) {
        fs::remove_file(path).expect("it was there");
    }
    write_in_place(&home, "secrets/token", "old-secret\n");
    write_in_place(
        &home,
        "projects.toml",
        &format!("{PROJECTS}[[projects]]\nproject_id = 9\nproject_key = \"KeyI\"\n"),
    );
    wait_for("the new project", PATIENCE, || (start(&server, "KeyI") == 200).then_some(()));
    put_pipes();
    server.wait_for_line(&["the file of projects is broken", "it is a pipe"], PATIENCE);
    server.stop();
}

#[test]
fn a_file_of_secrets_that_a_power_cut_has_filled_with_zeros_is_none() {
    let home = home();
    let server = home.serve(&[]);
    let token = server.start_session("KeyA");
    write_in_place(&home, "secrets/token", "\0\0\0\0\0\0\0\0\0\0\0");
    server.wait_for_line(&["the settings can't be taken over", "zero bytes"], PATIENCE);
    assert_eq!(batch(&server, &token), 200);
    server.kill();
    // The next start goes by the copy, and nothing is gone by such a file.
    let server = home.serve(&[("removal_grace", "100ms")]);
    server.wait_for_line(&["zero bytes", "the secrets of the last run hold"], PATIENCE);
    assert_eq!(batch(&server, &token), 200);
    assert_eq!(batch(&server, &server.start_session("KeyA")), 200);
    // A mark of the byte order belongs to no secret.
    write_in_place(&home, "secrets/token", "\u{feff}old-secret\n");
    server.signal(Signal::HUP);
    server.wait_for_line(&["the settings were read again, nothing"], PATIENCE);
    assert_eq!(batch(&server, &token), 200);
    server.stop();
}
