use serde_json::json;

use super::*;

const PROJECTS: &str = r#"
    [[projects]]
    project_id = 1
    project_key = "a"
    [[projects]]
    project_id = 6
    project_key = "b"
    [[ut_tests]]
    test_id = 1
    project_id = 1
    title = "Buy a thing"
    starting_path = "/shop"
    status = "in-progress"
    require_mic = true
    description = "desc"
    guidelines = "guide"
    conclusion_message = "bye"
    tasks = [{ title = "find", description = "find it", allow_typing = true }, { title = "pay", description = "pay <it>" }]
    [[ut_tests]]
    test_id = 2
    project_id = 1
    title = "Closed"
    status = "closed"
    tasks = [{ title = "x" }]
    [[ut_tests]]
    test_id = 3
    project_id = 6
    title = "Preview"
    tasks = [{ title = "x" }]
    [[ut_tests]]
    test_id = 4
    project_id = 1
    title = "No tasks"
    status = "in-progress"
"#;

fn directory() -> Directory {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projects.toml");
    std::fs::write(&path, PROJECTS).expect("is writable");
    Directory::load(&path).expect("is well formed")
}

fn text_of(answer: Result<Vec<u8>, Refusal>) -> String {
    match answer {
        Ok(body) => String::from_utf8(body).expect("is UTF-8"),
        Err(refusal) => format!("{} {}", refusal.status, refusal.text),
    }
}

fn row(step: Step, body: &str, project: Option<u32>) -> Result<serde_json::Value, String> {
    let mut payload = b"left".to_vec();
    signal(step, body.as_bytes(), SessionId(7), &directory(), project, &mut payload)
        .map_err(|refusal| format!("{} {}", refusal.status, refusal.text))?;
    Ok(serde_json::from_slice(&payload).expect("a row is JSON"))
}

#[test]
fn a_test_is_told_as_openreplay_tells_it() {
    let answer = text_of(test(b"1", &directory(), Some(1)));
    let expected = r#"{"test":{"title":"Buy a thing","description":"desc","startingPath":"/shop","status":"in-progress","reqMic":true,"reqCamera":false,"guidelines":"guide","conclusion":"bye","tasks":[{"allow_typing":true,"description":"find it","task_id":1,"title":"find"},{"allow_typing":false,"description":"pay \u003cit\u003e","task_id":2,"title":"pay"}]}}"#;
    assert_eq!(answer, expected);
    assert!(text_of(test(b"3", &directory(), Some(6))).contains(r#""status":"preview""#));
}

#[test]
fn a_test_that_may_not_be_taken_is_not_there() {
    let none = "500 no rows in result set";
    for (id, project, answer) in [
        ("2", Some(1), none),
        ("4", Some(1), none),
        ("99", Some(1), none),
        ("-1", Some(1), none),
        ("3", Some(1), "403 project mismatch"),
        ("1", None, "403 failed to get session from postgres: no rows in result set"),
        ("abc", Some(1), "500 ERROR: invalid input syntax for type integer: \"abc\" (SQLSTATE 22P02)"),
    ] {
        assert_eq!(text_of(test(id.as_bytes(), &directory(), project)), answer, "{id} {project:?}");
    }
}

#[test]
fn a_signal_of_a_test_becomes_a_row_of_the_tokens_session() {
    let body =
        r#"{"testId":1,"status":"begin","timestamp":1710417074000,"duration":5,"sessionID":9,"taskID":1,"answer":"x"}"#;
    let expected = json!({
        "session_id": 7, "test_id": 1, "task_id": null, "status": "begin", "comment": null, "timestamp": 1710417074000_u64,
        "duration": 5,
    });
    assert_eq!(row(Step::Test, body, Some(1)).unwrap(), expected);
    let huge = r#"{"testID":1,"status":"done","timestamp":18446744073709551615}"#;
    let row = row(Step::Test, huge, Some(1)).unwrap();
    assert_eq!((&row["timestamp"], &row["duration"]), (&json!(i64::MAX), &json!(null)));
}

#[test]
fn the_answer_to_a_task_is_kept_under_both_of_its_names() {
    for key in ["answer", "taskAnswer", "TASKANSWER"] {
        let body =
            format!(r#"{{"testId":1,"taskId":2,"status":"done","{key}":"y\u0000es","timestamp":2,"duration":9}}"#);
        let row = row(Step::Task, &body, Some(1)).unwrap();
        assert_eq!((&row["task_id"], &row["comment"]), (&json!(2), &json!("yes")), "{key}");
    }
    let long = format!(r#"{{"testId":1,"taskId":2,"status":"done","answer":"{}"}}"#, "ü".repeat(ANSWER_CHARS_MAX + 1));
    let row = row(Step::Task, &long, Some(1)).unwrap();
    assert_eq!(row["comment"].as_str().map(|text| text.chars().count()), Some(ANSWER_CHARS_MAX));
}

#[test]
fn a_signal_that_no_table_would_take_is_refused() {
    let key = |column: &str| {
        format!(
            "400 ERROR: insert or update on table \"ut_tests_signals\" violates foreign key constraint \
             \"ut_tests_signals_{column}_fkey\" (SQLSTATE 23503)"
        )
    };
    let status =
        |text: &str| format!("400 ERROR: invalid input value for enum ut_signal_status: \"{text}\" (SQLSTATE 22P02)");
    for (step, body, error) in [
        (Step::Test, r#"{"testID":99,"status":"begin","timestamp":1}"#, key("test_id")),
        (Step::Test, r#"{"status":"begin"}"#, key("test_id")),
        (Step::Test, "{}", status("")),
        (Step::Test, "null", status("")),
        (Step::Test, r#"{"testID":99,"status":"finished"}"#, status("finished")),
        (Step::Task, r#"{"testID":1,"taskID":77,"status":"done"}"#, key("task_id")),
        (Step::Task, r#"{"testID":1,"taskID":3,"status":"done"}"#, key("task_id")),
        (Step::Test, r#"{"testID":3,"status":"begin"}"#, "403 project mismatch".to_owned()),
        (Step::Test, "", "400 unexpected end of JSON input".to_owned()),
        (Step::Task, "[]", "400 json: cannot unmarshal array into Go value of type uxtesting.TaskSignal".to_owned()),
        (
            Step::Test,
            r#"{"testID":"1"}"#,
            "400 json: cannot unmarshal string into Go struct field TestSignal.testID of type int".to_owned(),
        ),
    ] {
        assert_eq!(row(step, body, Some(1)).unwrap_err(), error, "{body}");
    }
    for text in ["", "Done", "skip", "done ", "in-progress"] {
        let body = format!(r#"{{"testID":1,"taskID":1,"status":"{text}"}}"#);
        assert_eq!(row(Step::Test, &body, Some(1)).unwrap_err(), status(text));
        assert_eq!(row(Step::Task, &body, None).unwrap_err(), status(text));
    }
    let long = format!(r#"{{"testID":1,"status":"{}"}}"#, "x".repeat(100_000));
    assert_eq!(row(Step::Test, &long, Some(1)).unwrap_err(), status(&"x".repeat(64)));
    for text in ["begin", "done", "skipped"] {
        let body = format!(r#"{{"testID":1,"taskID":1,"status":"{text}"}}"#);
        assert_eq!(row(Step::Task, &body, Some(1)).unwrap()["status"], text);
        // The database has no row for an unknown session.
        assert_eq!(row(Step::Task, &body, None).unwrap_err(), key("session_id"));
    }
}

#[test]
fn a_url_is_written_as_gos_json_is() {
    assert_eq!(upload_url("http://a/b?c=1&d=<"), br#"{"url":"http://a/b?c=1\u0026d=\u003c"}"#);
}
