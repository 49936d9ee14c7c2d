//! What the admin page can change of a whole server.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::common::{Connection, Home, PATIENCE, Request, Response, Server, wait_for};
use crate::{SESSION, send, uploads};

const TOKEN: &str = "a token of more than sixteen characters";
const OTHER: u64 = SESSION + 1;

fn serve(home: &Home, settings: &[(&str, &str)]) -> Server {
    home.serve(&[&[("admin_token", TOKEN)], settings].concat())
}

fn ask(server: &Server, request: Request) -> Response {
    let host = format!("localhost:{}", server.admin.port());
    let request = request.without("Host").header("Host", &host).header("Origin", &format!("http://{host}"));
    let request = request.header("X-Takeup-Admin", "1").token(TOKEN).header("Connection", "close");
    Connection::open(server.admin).exchange(request)
}

fn act(server: &Server, action: &str, body: &Value) -> Response {
    ask(server, Request::post(&format!("/api/actions/{action}")).json(body))
}

fn told(server: &Server) -> Value {
    ask(server, Request::get("/api/actions")).json()
}

/// Begins a job, and waits for its end.
#[track_caller]
fn run(server: &Server, action: &str, body: &Value) -> Value {
    let begun = act(server, action, body);
    assert_eq!(begun.status, 202, "{}", begun.text());
    assert_eq!(begun.json()["job"]["state"], "running", "{}", begun.text());
    let job = wait_for("the job's end", PATIENCE, || {
        Some(told(server)["job"].take()).filter(|job| job["state"] != "running")
    });
    assert_eq!(job["action"], action);
    job
}

/// The sessions that have batches in the log.
fn recorded(home: &Home) -> Vec<u64> {
    let mut sessions: Vec<u64> = home.stored().iter().map(|batch| batch.session).collect();
    sessions.sort_unstable();
    sessions.dedup();
    sessions
}

#[test]
fn what_is_confirmed_is_erased_and_nothing_else() {
    let home = Home::new();
    let server = serve(&home, &[]);
    for session in [SESSION, OTHER] {
        send(&server, uploads(&home.token(session)));
    }
    let session = SESSION.to_string();
    let tried = run(&server, "erase", &json!({ "session": session, "dry_run": true }));
    let [receipt] = &**tried["result"].as_array().expect("a result") else { panic!("{tried}") };
    assert_eq!((&tried["state"], &tried["exit"], &receipt["dry_run"]), (&json!("done"), &json!(0), &json!(true)));
    assert_eq!(receipt["session_ids"], json!([session]), "{tried}");
    assert_eq!(recorded(&home), [SESSION, OTHER]);

    for confirm in [json!(null), json!(OTHER.to_string()), json!(true), json!(format!("{session} "))] {
        let refused = act(&server, "erase", &json!({ "session": session, "confirm": confirm }));
        assert_eq!(refused.status, 400, "{confirm}: {}", refused.text());
        assert!(refused.text().contains("confirm: "), "{}", refused.text());
    }
    assert_eq!(told(&server)["job"]["asked"]["dry_run"], true, "none of them began a job");
    assert_eq!(recorded(&home), [SESSION, OTHER]);

    let erased = run(&server, "erase", &json!({ "session": session, "confirm": session }));
    let receipt = &erased["result"][0];
    assert_eq!((&erased["state"], &receipt["complete"]), (&json!("done"), &json!(true)), "{erased}");
    assert_eq!(
        (&receipt["session_ids"], &receipt["beside_server"]),
        (&json!([session]), &json!(true)),
        "the server took part: {erased}"
    );
    assert_eq!(recorded(&home), [OTHER]);
    let events = |session: u64| home.takeup(&["events", &session.to_string()]).stdout;
    assert_eq!((events(SESSION), events(OTHER).is_empty()), (String::new(), false));

    let stays = home.stored();
    let retained = run(&server, "retention", &json!({}));
    let lines = retained["result"].as_array().expect("a result");
    assert!(!lines.is_empty() && lines.iter().all(|line| line["part"] == "log"), "{retained}");
    assert_eq!(home.stored(), stays);

    server.wait_for_line(&["a job of the admin page has ended", "retention"], PATIENCE);
    let said = server.stdout();
    let of_jobs: Vec<_> = said.lines().filter(|line| line.contains("\"caller\":\"admin/")).collect();
    assert_eq!(of_jobs.len(), 6, "{said}");
    assert!(!of_jobs.iter().any(|line| line.contains(&session)), "what is erased is in no line of a job: {said}");
    server.stop();
}

#[test]
fn a_user_is_erased_whose_name_looks_like_an_option() {
    let home = Home::new();
    let server = serve(&home, &[]);
    send(&server, uploads(&home.token(SESSION)));
    for user in ["--yes", "-h", "$(reboot)", "a b\"'\\\n;"] {
        let job = run(&server, "erase", &json!({ "user": user, "confirm": user }));
        assert_eq!((&job["state"], &job["result"][0]["sessions"]), (&json!("done"), &json!(0)), "{job}");
    }
    let failed = run(&server, "erase", &json!({ "project": "NoSuchKey", "dry_run": true }));
    assert_eq!((&failed["state"], &failed["exit"], &failed["result"]), (&json!("failed"), &json!(2), &json!([])));
    assert!(failed["error"].as_str().expect("a text").contains("no project with this key"), "{failed}");
    assert_eq!(recorded(&home), [SESSION]);
    server.stop();
}

#[test]
fn what_is_logged_changes_until_the_settings_are_read_again() {
    let home = Home::new();
    let server = serve(&home, &[]);
    let request = |path: &str| {
        assert_eq!(server.connect().exchange(Request::get(path)).status, 404);
    };
    // Lines are printed in order: one of a change comes behind those of the requests before it.
    let log = |body: Value| {
        let changed = act(&server, "log", &body);
        assert_eq!(changed.status, 200, "{}", changed.text());
        changed.json()
    };
    assert_eq!(told(&server)["log_requests"], "all");
    let batch = || assert_eq!(server.connect().exchange(Request::batch(&home.token(SESSION), b"x")).status, 200);
    let logged = || server.stdout().lines().filter(|line| line.contains("/v1/web/i")).count();
    batch();
    wait_for("the line of a request", PATIENCE, || (logged() == 1).then_some(()));
    assert_eq!(log(json!({ "log_requests": "errors" }))["log_requests"], "errors");
    server.wait_for_line(&["changed on the admin page", "\"from\":\"all\"", "\"to\":\"errors\""], PATIENCE);
    batch();
    request("/none");
    server.wait_for_line(&["/none"], PATIENCE);
    assert_eq!(logged(), 1);

    log(json!({ "log_level": "error" }));
    server.wait_for_line(&["changed on the admin page", "\"to\":\"error\""], PATIENCE);
    for wrong in [json!({ "log_requests": "loud" }), json!({ "log_level": 3 }), json!({})] {
        assert_eq!(act(&server, "log", &wrong).status, 400, "{wrong}");
    }
    server.signal(rustix::process::Signal::HUP);
    wait_for("the settings as they are", PATIENCE, || {
        let now = told(&server);
        (now["log_requests"] == "all" && now["log_level"] == "info").then_some(())
    });
    server.wait_for_line(&["a setting was changed", "\"from\":\"errors\"", "\"to\":\"all\""], PATIENCE);
    batch();
    wait_for("the line of a request", PATIENCE, || (logged() == 2).then_some(()));
    server.stop();
}

#[cfg(feature = "archive")]
#[test]
fn the_archive_is_brought_up_to_the_log_beside_the_server_that_keeps_it() {
    let home = Home::new();
    let server = serve(&home, &[("archive", "true"), ("archive_flush", "1h")]);
    send(&server, uploads(&home.token(SESSION)));
    let done = run(&server, "compact", &json!({}));
    assert_eq!(done["state"], "done", "{done}");
    assert!(done["result"][0]["records"].as_u64().is_some_and(|records| records > 0), "{done}");
    let again = home.takeup(&["compact", "--json"]);
    assert_eq!(again.lines()[0]["records"], 0, "{again:?}");
    server.stop();

    let server = serve(&home, &[]);
    let refused = act(&server, "compact", &json!({}));
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("archive = true"), "{}", refused.text());
    server.stop();
}

/// The processes that this one has started.
fn children(server: &Server) -> Vec<u32> {
    let parent_of = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()
    };
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|&pid| parent_of(pid) == Some(server.pid())).collect()
}

/// The sockets that a process has open.
fn sockets(pid: u32) -> Vec<String> {
    let Ok(links) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let targets = links.flatten().filter_map(|link| fs::read_link(link.path()).ok());
    targets.map(|target| target.display().to_string()).filter(|target| target.starts_with("socket:")).collect()
}

fn runs(pid: u32) -> bool {
    // A process that has ended, and that nobody has asked for yet, runs no more.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[cfg(feature = "object-store")]
#[test]
fn a_job_ends_when_it_is_cancelled_or_the_server_ends_and_holds_none_of_its_connections() {
    // A store that never answers keeps a job running.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let settings = [
        ("segments_url", "s3://bucket/prefix"),
        ("aws_endpoint", &*endpoint),
        ("aws_region", "us-east-1"),
        ("aws_access_key_id", "key"),
        ("aws_secret_access_key", "secret"),
    ];
    for way in ["stop", "kill", "cancel"] {
        let home = Home::new();
        let server = serve(&home, &settings);
        let mut client = server.connect();
        assert_eq!(client.exchange(Request::batch(&home.token(SESSION), b"x")).status, 200);
        let begun = act(&server, "erase", &json!({ "session": SESSION, "dry_run": true }));
        assert_eq!(begun.status, 202, "{}", begun.text());
        let child = wait_for("the job's process", PATIENCE, || children(&server).pop());
        let of_server = sockets(server.pid());
        wait_for("the command at the store with nothing of the server's", PATIENCE, || {
            // At its very beginning it has them all, and some that the server has closed since.
            let is_at_work =
                |all: &Vec<String>| !all.is_empty() && !all.iter().any(|socket| of_server.contains(socket));
            Some(sockets(child)).filter(is_at_work)
        });
        assert!(runs(child) && told(&server)["job"]["state"] == "running");
        match way {
            "stop" => {
                server.stop();
                assert!(!runs(child), "it outlives the server");
            }
            "kill" => {
                server.kill();
                wait_for("the job's end", PATIENCE, || (!runs(child)).then_some(()));
            }
            _ => {
                // A job that hangs, too.
                let pid = rustix::process::Pid::from_raw(child as i32).expect("a process");
                rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("it runs");
                assert_eq!(act(&server, "cancel", &json!({})).status, 202);
                wait_for("the job's end", PATIENCE, || (!runs(child)).then_some(()));
                let job = wait_for("its end is told", PATIENCE, || {
                    Some(told(&server)).filter(|told| told["job"]["state"] == "failed")
                });
                assert_eq!(job["job"]["exit"], Value::Null);
                assert_eq!(act(&server, "cancel", &json!({})).status, 409);
                server.stop();
            }
        }
    }
}
