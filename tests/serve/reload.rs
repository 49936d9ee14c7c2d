//! Changes of settings and secrets while the server runs.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Home, PATIENCE, Request, Server, wait_for};

const PROJECTS: &str = "[[projects]]\nproject_id = 1\nproject_key = \"Key\"\n";

fn home(settings: &str) -> Home {
    let home = Home::with_projects(PROJECTS);
    home.write("takeup.toml", settings);
    home
}

/// Waits until the settings have been taken over so many times.
#[track_caller]
fn wait_for_generation(server: &Server, generation: u32) {
    let now = || server.metric("takeup_config_generation");
    wait_for(&format!("settings of generation {generation}"), PATIENCE, || {
        (now() >= f64::from(generation)).then_some(())
    });
    assert_eq!(now(), f64::from(generation));
}

/// Puts whole secrets in place of the old ones.
fn put_secrets(home: &Home, secrets: &[&str]) {
    let folder = home.data().join("secrets");
    fs::create_dir_all(&folder).expect("a folder");
    let draft = folder.join("draft");
    fs::write(&draft, secrets.join("\n")).expect("the folder takes files");
    fs::rename(draft, folder.join("token")).expect("a file can be replaced");
}

#[test]
fn a_changed_limit_holds_for_the_next_request_of_an_open_connection() {
    let home = home("beacon_size_limit = 2000\n");
    let server = home.serve(&[("cores", "2")]);
    let token = server.start_session("Key");
    let mut open: Vec<_> = (0..6).map(|_| server.connect()).collect();
    for client in &mut open {
        assert_eq!(client.exchange(Request::batch(&token, b"x")).status, 200);
    }
    assert_eq!(server.connect().exchange(Request::batch(&token, [b'x'; 2_001])).status, 413);
    home.write("takeup.toml", "beacon_size_limit = 3000\n");
    let line = server.wait_for_line(&["a setting was changed", "beacon_size_limit"], PATIENCE);
    assert!(
        line.contains("\"from\":\"2000\"") && line.contains("\"to\":\"3000\"") && line.contains("takeup.toml:1"),
        "{line}"
    );
    for client in &mut open {
        assert_eq!(client.exchange(Request::batch(&token, [b'x'; 3_000])).status, 200);
    }
    let told = server.connect().exchange(Request::start("Key"));
    assert_eq!(told.json()["beaconSizeLimit"], 3000, "{}", told.text());
    assert_eq!(server.metric("takeup_config_generation"), 2.0);
    assert_eq!(server.metric("takeup_config_reloads_total{result=\"applied\"}"), 1.0);
    server.stop();
}

#[test]
fn a_changed_prefix_holds_for_the_next_request_of_an_open_connection() {
    let home = home("prefix = \"/one\"\n");
    let server = home.serve(&[("removal_grace", "0")]);
    let token = server.start_session("Key");
    let mut client = server.connect();
    let mut status = |prefix: &str| client.exchange(Request::batch(&token, b"x").under(prefix)).status;
    // What is found out about a head is remembered for the next one that is the same.
    assert_eq!([status("/one"), status("/one"), status("/two"), status("/one")], [200, 200, 404, 200]);
    assert_eq!(status("/one"), 200);
    home.write("takeup.toml", "prefix = \"/two\"\n");
    wait_for_generation(&server, 2);
    assert_eq!([status("/one"), status("/two"), status("/two"), status("/one")], [404, 200, 200, 404]);
    server.stop();
}

#[test]
fn a_broken_file_changes_nothing_and_is_told_with_its_line() {
    let home = home("beacon_size_limit = 2000\n");
    let server = home.serve(&[]);
    let token = server.start_session("Key");
    let fits = |bytes: usize| server.connect().exchange(Request::batch(&token, vec![b'x'; bytes])).status == 200;
    for (text, places) in [
        ("beacon_size_limit = 3000\npatience = \"soon\"\nxyz = 1\n", ["takeup.toml:2: patience", "takeup.toml:3: "]),
        ("beacon_size_limit = 3000\nthis is no TOML\n", ["takeup.toml:2: key with no value", ""]),
    ] {
        home.write("takeup.toml", text);
        server.signal(Signal::HUP);
        server.wait_for_line(&["\"level\":\"error\"", "can't be taken over", places[0], places[1]], PATIENCE);
        assert!(fits(2_000) && !fits(2_001), "{text}");
    }
    put_secrets(&home, &["", ""]);
    server.wait_for_line(&["\"level\":\"error\"", "can't be taken over", "an empty token secret"], PATIENCE);
    assert!(fits(2_000), "the token is good as before");
    assert!(server.metric("takeup_config_reloads_total{result=\"refused\"}") >= 3.0);
    assert_eq!(server.metric("takeup_config_generation"), 1.0);
    server.stop();
}

#[test]
fn a_live_setting_that_needs_one_that_has_to_wait_is_refused() {
    let small = "segment_bytes = \"8MiB\"\nwindow_bytes = \"2MiB\"\ngroup_bytes_max = \"2MiB\"\n";
    let home = home(small);
    let server = home.serve_plain(&[("insist_file_system", "true"), ("cores", "1")]);
    home.write("takeup.toml", "beacon_size_limit = 5000000\n");
    let texts = ["can't be taken over", "beacon_size_limit = 5000000 does not fit", "from the next start on"];
    server.wait_for_line(&texts, PATIENCE);
    let answer = server.connect().exchange(Request::batch(&home.token(7), vec![b'x'; 1_000_001]));
    assert_eq!(answer.status, 413, "{}", answer.text());
    server.stop();
    home.serve_plain(&[("insist_file_system", "true"), ("cores", "1")]).stop();
}

#[test]
fn what_has_to_wait_for_the_next_start_is_told_once() {
    let home = home("");
    let server = home.serve_plain(&[("insist_file_system", "true"), ("check_bodies", "off")]);
    home.write("takeup.toml", "cores = 7\nwriter = \"mapped\"\npatience = \"2s\"\ncheck_bodies = \"inline\"\n");
    for name in ["cores", "writer"] {
        let line =
            server.wait_for_line(&["takes effect at the next start", &format!("\"setting\":\"{name}\"")], PATIENCE);
        assert!(line.contains("\"level\":\"info\""), "{line}");
    }
    server.wait_for_line(&["a setting was changed\"", "patience"], PATIENCE);
    server.signal(Signal::HUP);
    server.wait_for_line(&["the settings were read again, nothing"], PATIENCE);
    assert_eq!(server.stdout().matches("takes effect at the next start").count(), 2, "{}", server.stdout());
    assert!(!server.stdout().contains("\"setting\":\"check_bodies\""), "the command line goes before the file");
    home.write("takeup.toml", "patience = \"2s\"\n");
    server.wait_for_line(&["is again what the server runs with", "\"setting\":\"cores\""], PATIENCE);
    server.stop();
}

#[test]
fn the_check_of_bodies_can_be_switched_on_and_off() {
    let home = home("check_bodies = \"off\"\n");
    let server = home.serve(&[]);
    let send = || assert_eq!(server.connect().exchange(Request::batch(&home.token(7), b"no batch")).status, 200);
    let checked = || server.metric("takeup_batches_checked_total");
    send();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(checked(), 0.0);
    home.write("takeup.toml", "check_bodies = \"background\"\n");
    wait_for("the batch to be looked into", PATIENCE, || (checked() >= 1.0).then_some(()));
    home.write("takeup.toml", "check_bodies = \"off\"\n");
    wait_for_generation(&server, 3);
    // A look that is under way ends with its turn.
    std::thread::sleep(Duration::from_secs(1));
    let before = checked();
    send();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(checked(), before);
    server.stop();
}

#[test]
fn log_lines_and_cors_headers_follow_their_settings() {
    let home = home("");
    let server = home.serve(&[("removal_grace", "0")]);
    let token = server.start_session("Key");
    let mut client = server.connect();
    let mut allowed = || {
        let preflight = Request::options("/v1/web/i").header("Access-Control-Request-Headers", "datatype");
        client.exchange(preflight).header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(allowed().as_deref(), Some("*"));
    server.wait_for_line(&["response ok", "OPTIONS"], PATIENCE);
    home.write("takeup.toml", "use_cors = false\nlog_requests = \"errors\"\nprefix = \"/other\"\n");
    wait_for_generation(&server, 2);
    assert_eq!(allowed(), None, "the remembered answer too");
    let lines = server.stdout().matches("response ok").count();
    assert_eq!(server.connect().exchange(Request::batch(&token, b"x").under("/other")).status, 200);
    assert_eq!(server.connect().exchange(Request::get("/none")).status, 404);
    server.wait_for_line(&["response error, code: 404"], PATIENCE);
    assert_eq!(server.stdout().matches("response ok").count(), lines, "{}", server.stdout());
    home.write("takeup.toml", "log_level = \"warn\"\n");
    wait_for_generation(&server, 3);
    assert_eq!(allowed().as_deref(), Some("*"));
    server.stop();
}

#[test]
fn secrets_are_changed_under_load_and_no_batch_is_lost() {
    const CHANGES: u32 = 8;
    let home = home("");
    put_secrets(&home, &["secret-0"]);
    // Most of the secrets are removed in the end: that takes ten times as long.
    let server = home.serve(&[("cores", "2"), ("log_requests", "errors"), ("removal_grace", "300ms")]);
    let old = server.start_session("Key");
    let mut remembering = server.connect();
    assert_eq!(remembering.exchange(Request::batch(&old, b"old")).status, 200);
    let ends = AtomicBool::new(false);
    let sent: usize = std::thread::scope(|scope| {
        let sender = |_| {
            scope.spawn(|| {
                let (mut client, mut sent) = (server.connect(), 0);
                // Bounded: a machine of any speed ends.
                for round in 0..2_000 {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    // The token of this start is used on other connections, maybe of the other core, at once.
                    let token = server.start_session("Key");
                    for number in 0..4 {
                        let body = format!("{token} {round} {number}");
                        let request = Request::batch(&token, body.as_bytes());
                        let answer =
                            if number < 2 { client.exchange(request) } else { server.connect().exchange(request) };
                        assert_eq!(answer.status, 200, "{}", answer.text());
                        sent += 1;
                    }
                    assert_eq!(client.exchange(Request::batch(&old, b"old")).status, 200, "an old token is good");
                    sent += 1;
                }
                sent
            })
        };
        let senders: Vec<_> = (0..3).map(sender).collect();
        // Each change has the next token signed by a secret that no core knew a moment before.
        for generation in 2..=CHANGES + 1 {
            std::thread::sleep(Duration::from_millis(200));
            let secrets: Vec<String> = (1..generation).rev().map(|number| format!("secret-{number}")).collect();
            put_secrets(&home, &[&secrets.iter().map(String::as_str).collect::<Vec<_>>()[..], &["secret-0"]].concat());
            server.signal(Signal::HUP);
            wait_for_generation(&server, generation);
        }
        std::thread::sleep(Duration::from_millis(300));
        ends.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().expect("every answer was 200")).sum()
    });
    let new = server.start_session("Key");
    put_secrets(&home, &[&format!("secret-{CHANGES}")]);
    wait_for_generation(&server, CHANGES + 2);
    // Also where the token was verified before and is remembered.
    assert_eq!(remembering.exchange(Request::batch(&old, b"late")).status, 401);
    assert_eq!(server.connect().exchange(Request::batch(&new, b"new")).status, 200);
    server.stop();
    assert_eq!(home.stored().len(), sent + 2);
}
