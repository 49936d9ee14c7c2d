use super::*;

const PROJECTS: &str = r##"
        [[projects]]
        project_id = 1
        project_key = "a"
        [[projects]]
        project_id = 2
        project_key = "b"
        [[conditions]]
        project_id = 1
        name = "checkout"
        capture_rate = 30
        filters = '[{"type":"visitedUrl","operator":"contains","value":["/a?b&c"],"source":null,"filters":[]}]'
        [[conditions]]
        project_id = 1
        condition_id = 8
        name = "always"
    "##;

fn answer(param: &str, project: Option<u32>) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projects.toml");
    std::fs::write(&path, PROJECTS).expect("is writable");
    let directory = Directory::load(&path).expect("is well formed");
    match conditions(param.as_bytes(), &directory, project) {
        Ok(body) => String::from_utf8(body).expect("is UTF-8"),
        Err(refusal) => format!("{} {}", refusal.status, refusal.text),
    }
}

#[test]
fn conditions_come_with_raw_filters_and_both_names_of_their_rate() {
    let json: serde_json::Value = serde_json::from_str(&answer("1", Some(1))).expect("is JSON");
    let filter = serde_json::json!({
        "type": "visitedUrl", "operator": "contains", "value": ["/a?b&c"], "source": null, "filters": []
    });
    assert_eq!(
        json["conditions"],
        serde_json::json!([
            {"conditionId": 1, "name": "checkout", "filters": [filter], "capture_rate": 30, "captureRate": 30},
            {"conditionId": 8, "name": "always", "filters": [], "capture_rate": 100, "captureRate": 100},
        ])
    );
    assert_eq!(answer("2", Some(2)), r#"{"conditions":[]}"#);
}

#[test]
fn a_session_of_another_project_gets_none_and_an_unknown_one_what_it_asks_for() {
    assert_eq!(answer("1", Some(2)), r#"{"conditions":[]}"#);
    assert_eq!(answer("1", None), answer("1", Some(1)));
    for none in ["9", "-1", "0", "4294967297"] {
        assert_eq!(answer(none, None), r#"{"conditions":[]}"#, "{none}");
    }
    assert_eq!(answer("+01", Some(1)), answer("1", Some(1)), "as Go reads numbers");
}

#[test]
fn a_project_that_is_no_number_is_refused() {
    assert_eq!(answer("abc", Some(1)), r#"400 strconv.Atoi: parsing "abc": invalid syntax"#);
    assert_eq!(answer("1 ", Some(1)), r#"400 strconv.Atoi: parsing "1 ": invalid syntax"#);
    assert_eq!(answer("+", Some(1)), r#"400 strconv.Atoi: parsing "+": invalid syntax"#);
    let large = "9223372036854775808";
    assert_eq!(answer(large, Some(1)), format!(r#"400 strconv.Atoi: parsing "{large}": value out of range"#));
}
