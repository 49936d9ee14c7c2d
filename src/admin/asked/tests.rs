use super::*;

const ADMIN: &str = "127.0.0.1:8888";

fn asked(body: &str) -> Result<Asked, String> {
    erase(body.as_bytes(), ADMIN.parse().unwrap())
}

#[test]
fn what_is_asked_for_becomes_the_options_of_the_command() {
    for (body, options) in [
        (r#"{"session":"7","dry_run":true}"#, ["--session=7", "--dry-run"]),
        (
            r#"{"session":18446744073709551615,"confirm":"18446744073709551615"}"#,
            ["--session=18446744073709551615", "--yes"],
        ),
        (r#"{"user":"--all -x","confirm":"--all -x","dry_run":false}"#, ["--user-from=-", "--yes"]),
        (r#"{"project":7,"confirm":7}"#, ["--project=7", "--yes"]),
        (r#"{"project":"-Key","dry_run":true}"#, ["--project=-Key", "--dry-run"]),
    ] {
        let asked = asked(body).unwrap();
        assert_eq!(asked.arguments, ["erase", options[0], options[1], "--json", "--admin=127.0.0.1:8888"], "{body}");
    }
    // Who a user is, nobody sees among the options.
    assert_eq!(asked(r#"{"user":"a\nb\n","dry_run":true}"#).unwrap().input, "a\nb\n\n");
    assert_eq!(asked(r#"{"project":7,"dry_run":true}"#).unwrap().input, "");
    let told = asked(r#"{"session":7,"dry_run":true}"#).unwrap().told;
    assert_eq!(told, serde_json::json!({ "session": "7", "dry_run": true }));
    let admin = ADMIN.parse().unwrap();
    assert_eq!(retention(b"", admin).unwrap().arguments, ["retention", "--dry-run", "--json"]);
    assert_eq!(compact(b"{}", admin).unwrap().arguments, ["compact", "--json"]);
}

#[test]
fn a_wrong_body_is_refused_by_the_name_of_its_field() {
    for (body, field) in [
        ("", "one of session, user and project"),
        ("{}", "one of session, user and project"),
        (r#"{"session":7,"user":"a","dry_run":true}"#, "one of session, user and project"),
        (r#"["7"]"#, "an object"),
        ("7", "an object"),
        (r#"{"session":7,"dry_run":true"#, "EOF"),
        (r#"{"session":7,"colour":"red","dry_run":true}"#, "unknown field `colour`"),
        (r#"{"session":7,"session":8,"dry_run":true}"#, "duplicate field `session`"),
        (r#"{"session":7,"dry_run":"yes"}"#, "dry_run: "),
        (r#"{"session":0,"dry_run":true}"#, "session: "),
        (r#"{"session":"07","dry_run":true}"#, "session: "),
        (r#"{"session":"+7","dry_run":true}"#, "session: "),
        (r#"{"session":-7,"dry_run":true}"#, "session: "),
        (r#"{"session":"18446744073709551616","dry_run":true}"#, "session: "),
        (r#"{"session":["7"],"dry_run":true}"#, "session: "),
        (r#"{"user":"","dry_run":true}"#, "user: "),
        (r#"{"user":7,"dry_run":true}"#, "user: "),
        (r#"{"user":"a\u0000b","dry_run":true}"#, "user: "),
        (r#"{"project":0,"dry_run":true}"#, "project: "),
        (r#"{"project":"","dry_run":true}"#, "project: "),
    ] {
        let error = asked(body).unwrap_err();
        assert!(error.contains(field), "{body}: {error}");
    }
    let long = format!(r#"{{"user":"{}","dry_run":true}}"#, "u".repeat(USER_BYTES_MAX + 1));
    assert!(asked(&long).unwrap_err().contains("user: "));
    let admin = ADMIN.parse().unwrap();
    assert!(retention(br#"{"dry_run":false}"#, admin).unwrap_err().contains("unknown field `dry_run`"));
    assert!(compact(br#"{"store":"s3://a"}"#, admin).unwrap_err().contains("unknown field `store`"));
}

#[test]
fn nothing_is_erased_that_is_not_asked_for_twice() {
    for body in [
        r#"{"session":7}"#,
        r#"{"session":7,"confirm":"8"}"#,
        r#"{"session":7,"confirm":true}"#,
        r#"{"session":7,"confirm":" 7"}"#,
        r#"{"user":"Ada","confirm":"ada"}"#,
        r#"{"user":"Ada","confirm":""}"#,
        r#"{"user":"Ada","dry_run":false,"confirm":null}"#,
        r#"{"project":"7","confirm":"07"}"#,
    ] {
        let error = asked(body).unwrap_err();
        assert!(error.contains("confirm: "), "{body}: {error}");
    }
}
