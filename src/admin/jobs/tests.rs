use std::time::{Duration, Instant};

use serde_json::json;

use crate::telemetry::LogOptions;

use super::*;

const ADMIN: &str = "127.0.0.1:8888";

/// Jobs that run this script of the shell.
fn jobs(script: &str) -> Jobs {
    let (logger, _) = Logger::start(&LogOptions::default(), Box::new(std::io::sink())).unwrap();
    let commands = Commands {
        program: "/bin/sh".into(),
        before: vec!["-c".into(), script.into()],
        after: vec!["last".into()],
        no_archive: None,
        logger,
    };
    Jobs::new(commands, ADMIN.parse().unwrap())
}

fn asked(argument: &str) -> Asked {
    let arguments = vec!["retention".to_owned(), argument.to_owned()];
    Asked { action: "retention", told: json!({}), arguments, input: String::new() }
}

fn now(jobs: &Jobs) -> Json {
    serde_json::from_str(&jobs.json()).unwrap()
}

fn ended(jobs: &Jobs) -> Json {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let job = now(jobs);
        if job["state"] != "running" {
            return job;
        }
        assert!(Instant::now() < end, "it goes on: {job}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_job_tells_what_its_command_printed_and_how_it_ended() {
    let jobs = jobs(r#"printf '{"of":"%s"}\nno json\n{"of":"%s"}\n' "$1" "$2"; echo a remark >&2; exit 3"#);
    assert_eq!(jobs.json(), "null");
    jobs.start(&asked("--a=$(b) 'c' -d")).unwrap();
    let job = ended(&jobs);
    assert_eq!(job["state"], "failed");
    assert_eq!(job["exit"], 3);
    assert_eq!(job["error"], "a remark");
    // The arguments come as they are: no shell has read them.
    assert_eq!(job["result"], json!([{ "of": "--a=$(b) 'c' -d" }, { "of": "last" }]));
    assert_eq!(job["cut"], true, "a line was no JSON");
}

#[test]
fn one_job_runs_at_a_time_and_the_next_one_when_it_has_ended() {
    let jobs = jobs("case $1 in long) exec sleep 60 ;; esac");
    jobs.start(&asked("short")).unwrap();
    assert_eq!(ended(&jobs)["state"], "done");
    jobs.start(&asked("long")).unwrap();
    let refused = jobs.start(&asked("short")).unwrap_err();
    assert!(matches!(refused, Refused::Busy("retention")), "{refused}");
    let began = Instant::now();
    jobs.stop();
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!((&now(&jobs)["state"], &now(&jobs)["exit"]), (&json!("failed"), &Json::Null));
    assert!(matches!(jobs.start(&asked("short")), Err(Refused::Stopping)));
}

#[test]
fn a_job_that_is_cancelled_makes_room_for_the_next_one() {
    let jobs = jobs("case $1 in long) exec sleep 60 ;; esac");
    assert!(!jobs.cancel(), "there is none");
    jobs.start(&asked("long")).unwrap();
    assert!(jobs.cancel());
    let job = ended(&jobs);
    assert_eq!((&job["state"], &job["exit"]), (&json!("failed"), &Json::Null));
    assert!(!jobs.cancel(), "it has ended");
    jobs.start(&asked("short")).unwrap();
    assert_eq!(ended(&jobs)["state"], "done");
}

#[test]
fn who_prints_without_end_is_read_to_its_end_and_kept_up_to_a_bound() {
    let jobs = jobs("i=0; while [ $i -lt 40 ]; do printf '%1048575s\\n' 1; i=$((i+1)); done; printf '%65536s' x >&2");
    jobs.start(&asked("")).unwrap();
    let job = ended(&jobs);
    assert_eq!((&job["state"], &job["cut"]), (&json!("done"), &json!(true)));
    assert_eq!(job["result"], json!([1, 1, 1, 1]));
    assert!(jobs.json().len() < 6 << 20);
}

#[test]
fn a_program_that_is_not_there_is_a_job_that_failed() {
    let mut jobs = jobs("");
    jobs.commands.program = "/no/such/program".into();
    jobs.start(&asked("")).unwrap();
    let job = ended(&jobs);
    assert!(job["error"].as_str().unwrap().contains("can't be started"), "{job}");
}

#[test]
fn a_command_reads_what_nobody_else_is_to_see() {
    let jobs = jobs(r#"printf '{"read":"%s"}\n' "$(cat)""#);
    jobs.start(&Asked { input: "a name\n".to_owned(), ..asked("") }).unwrap();
    assert_eq!(ended(&jobs)["result"], json!([{ "read": "a name" }]));
    jobs.start(&asked("")).unwrap();
    assert_eq!(ended(&jobs)["result"], json!([{ "read": "" }]), "it does not wait for more");
}
