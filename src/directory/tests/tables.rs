use std::path::Path;

use serde_json::Value;

use crate::directory::*;

use super::fault;

const PROJECT: &str = "[[projects]]\nproject_id = 1\nproject_key = \"k\"\n";

/// A JSON value as TOML; null fields are left out.
fn to_toml(value: &Value) -> toml::Value {
    match value {
        Value::Bool(truth) => toml::Value::Boolean(*truth),
        Value::Number(number) => toml::Value::Integer(number.as_i64().unwrap()),
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(items) => toml::Value::Array(items.iter().map(to_toml).collect()),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            toml::Value::Table(kept.map(|(name, value)| (name.clone(), to_toml(value))).collect())
        }
        Value::Null => unreachable!("lists have no null"),
    }
}

#[test]
fn the_tables_of_openreplay_load_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/fixtures.json");
    let fixtures: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut document = toml::Table::new();
    for table in ["projects", "tags", "conditions", "feature_flags", "ut_tests"] {
        document.insert(table.to_owned(), to_toml(&fixtures[table]));
    }
    let directory = Directory::parse(&toml::to_string(&document).unwrap()).unwrap();
    let counts = |table: &str, count: fn(&Project) -> usize| {
        let loaded: usize = directory.projects().iter().map(count).sum();
        assert_eq!(loaded, fixtures[table].as_array().unwrap().len(), "{table}");
    };
    counts("projects", |_| 1);
    counts("tags", |project| project.tags.len());
    counts("conditions", |project| project.conditions.len());
    counts("feature_flags", |project| project.feature_flags.len());
    counts("ut_tests", |project| project.ut_tests.len());
    for condition in directory.projects().iter().flat_map(|project| &project.conditions) {
        let given = fixtures["conditions"].as_array().unwrap().iter().find(|row| row["name"] == *condition.name);
        let loaded: Value = serde_json::from_str(&condition.filters).unwrap();
        assert_eq!(loaded, given.unwrap()["filters"]);
    }
    let (project, test) = directory.test(3).unwrap();
    assert_eq!((project.project_id, test.tasks[0].task_id), (6, 4), "tasks are numbered through the table");
    assert!(directory.test(99).is_none());
}

#[test]
fn filters_of_a_condition_survive_whatever_is_in_them() {
    let row = format!("{PROJECT}[[conditions]]\nproject_id = 1\nname = \"a\"\n");
    let json = r#"[{"type": "customEvent", "value": [], "source": null, "filters": [{"deep": {"a": [1.5, true]}}], "isEvent": true}]"#;
    let as_toml =
        "filters = [{ isEvent = true, type = 'customEvent', value = [], filters = [{ deep = { a = [1.5, true] } }] }]";
    let filters = |text: String| Directory::parse(&text).unwrap().projects()[0].conditions[0].filters.clone();
    assert_eq!(filters(format!("{row}filters = '{json}'\n")), json);
    assert_eq!(filters(format!("{row}{as_toml}\n")), json.replace(r#""source": null, "#, ""));
    assert_eq!(filters(row), "[]");
}

#[test]
fn filters_of_a_flag_are_read_from_tables_and_from_json() {
    let row = format!("{PROJECT}[[feature_flags]]\nproject_id = 1\nflag_key = 'a'\n[[feature_flags.conditions]]\n");
    let json = r#"filters = '[{"type":"metadata","operator":"is","value":["pro"],"source":"plan","isEvent":false}]'"#;
    let tables =
        "filters = [{ type = 'metadata', operator = 'is', value = ['pro'], source = 'plan', isEvent = false }]";
    let filters = |line: &str| {
        let directory = Directory::parse(&format!("{row}{line}\n")).unwrap();
        directory.projects()[0].feature_flags[0].conditions[0].filters.clone()
    };
    let expected = Filter {
        kind: "metadata".to_owned(),
        operator: "is".to_owned(),
        value: vec!["pro".to_owned()],
        source: Some("plan".to_owned()),
    };
    assert_eq!(filters(tables), filters(json));
    assert_eq!(filters(json), [expected]);
    assert_eq!(filters("filters = '[{\"type\":\"a\",\"operator\":\"isAny\",\"value\":null}]'").len(), 1);
}

#[test]
fn a_payload_is_kept_as_postgres_prints_it() {
    let row = format!("{PROJECT}[[feature_flags]]\nproject_id = 1\nflag_key = 'a'\n");
    for line in [r#"payload = '{"b":[1,2],"a":1}'"#, "payload = { a = 1, b = [1, 2] }"] {
        let directory = Directory::parse(&format!("{row}{line}\n")).unwrap();
        assert_eq!(directory.projects()[0].feature_flags[0].payload.as_deref(), Some(r#"{"a": 1, "b": [1, 2]}"#));
    }
}

#[test]
fn faults_of_the_tables_are_named_with_their_line() {
    let long = "x".repeat(256);
    let row = |table: &str, lines: &str| format!("{PROJECT}[[{table}]]\nproject_id = 1\n{lines}\n");
    let twice = |table: &str, lines: &str| format!("{}[[{table}]]\nproject_id = 1\n{lines}\n", row(table, lines));
    for (text, line, needle) in [
        (row("tags", "name = 'a'"), 4, "`selector` is missing"),
        (row("tags", "selector = ''"), 6, "`selector` is empty"),
        (row("tags", &format!("selector = 'a'\nname = '{long}'")), 7, "`name` has 256 characters; 255 are the most"),
        (row("tags", &format!("selector = '{}'", long.repeat(40))), 6, "10000 are the most"),
        (twice("tags", "tag_id = 4\nselector = 'a'"), 10, "there is another tag 4; give each its own `tag_id`"),
        (row("conditions", "name = 'a'\ncapture_rate = 101"), 7, "must be 0 to 100"),
        (row("conditions", "name = 'a'\nfilters = '[1]'"), 7, "must be a list of tables"),
        (row("conditions", "name = 'a'\nfilters = '['"), 7, "`filters` is not JSON"),
        (row("conditions", "name = 'a'\nfilters = [{ a = inf }]"), 7, "no number of JSON"),
        (
            row("conditions", &format!("name = 'a'\nfilters = '[{{\"a\":\"{}\"}}]'", long.repeat(70))),
            7,
            "16384 are the most",
        ),
        (
            row("conditions", &format!("name = 'a'\nfilters = '[{}{{}}]'", "{},".repeat(100))),
            7,
            "more than 100 entries",
        ),
        (twice("conditions", "name = 'a'"), 9, "has a condition \"a\" already"),
        (twice("feature_flags", "flag_key = 'a'"), 9, "has a feature flag \"a\" already"),
        (row("feature_flags", "flag_key = 'a'\nflag_type = 'both'"), 7, "\"single\", \"multi\""),
        (row("feature_flags", "flag_key = 'a'\n[[feature_flags.variants]]\nvalue = ''"), 8, "`value` is empty"),
        (
            row("feature_flags", "flag_key = 'a'\n[[feature_flags.conditions]]\nrollout_percentage = -1"),
            8,
            "must be 0 to 100",
        ),
        (
            row("feature_flags", "flag_key = 'a'\n[[feature_flags.conditions]]\nfilters = '[{\"type\":5}]'"),
            8,
            "is no list of filters",
        ),
        (
            row("feature_flags", &format!("flag_key = 'a'\npayload = '[{}1]'", "1,".repeat(40_000))),
            7,
            "65536 are the most",
        ),
        (row("ut_tests", "test_id = 1"), 4, "`title` is missing"),
        (
            row("ut_tests", "title = 'a'\n[[ut_tests.tasks]]\ntitle = 'b'\nallow = true"),
            9,
            "did you mean `allow_typing`?",
        ),
        (
            row("ut_tests", &format!("title = 'a'\n{}", "[[ut_tests.tasks]]\ntitle = 'b'\n".repeat(101))),
            207,
            "more than 100 entries in `tasks`",
        ),
        (
            row("ut_tests", "title = 'a'\ntasks = [{ task_id = 1, title = 'a' }, { task_id = 1, title = 'b' }]"),
            7,
            "there is another task 1",
        ),
    ] {
        let (found, text_of) = fault(&text);
        assert_eq!(found, line, "{text}\n{text_of}");
        assert!(text_of.contains(needle), "{text}\n{text_of}");
    }
}

#[test]
fn the_rows_of_a_project_and_the_values_of_its_flags_are_counted() {
    let tags = "[[tags]]\nproject_id = 1\nselector = 'a'\n";
    assert!(Directory::parse(&format!("{PROJECT}{}", tags.repeat(ENTRIES_MAX))).is_ok());
    let (line, text) = fault(&format!("{PROJECT}{}", tags.repeat(ENTRIES_MAX + 1)));
    assert_eq!((line, &*text), (4 + 3 * ENTRIES_MAX, "project 1 has more than 1000 entries in `tags`"));

    let values = |count: usize| format!("[{}]", "'v',".repeat(count));
    let flag = |key: &str, count: usize| {
        format!(
            "[[feature_flags]]\nproject_id = 1\nflag_key = '{key}'\n\
             conditions = [{{ filters = [{{ type = 'userId', operator = 'is', value = {} }}] }}]\n",
            values(count)
        )
    };
    let both = |second: usize| format!("{PROJECT}{}{}", flag("a", FLAG_VALUES_MAX / 2), flag("b", second));
    assert!(Directory::parse(&both(FLAG_VALUES_MAX / 2)).is_ok());
    let (line, text) = fault(&both(FLAG_VALUES_MAX / 2 + 1));
    assert_eq!(line, 11, "{text}");
    assert!(text.contains("more than 20000 values"), "{text}");
}

#[test]
fn the_example_in_the_manual_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/projects.md");
    let manual = std::fs::read_to_string(path).unwrap();
    let example = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let directory = Directory::parse(example).unwrap_or_else(|faults| panic!("{faults:?}"));
    let project = directory.by_id(1).unwrap();
    assert_eq!((project.tags.len(), project.conditions.len()), (1, 2));
    assert_eq!((project.feature_flags.len(), project.ut_tests[0].tasks.len()), (2, 2));
    assert_eq!(project.ut_tests[0].tasks[1].task_id, 2);
    for limit in
        ["| 1,000 |", "| 1 MiB of text |", "| 20,000 |", "| 64 MiB |", "| 16 KiB as JSON |", "| 64 KiB as JSON |"]
    {
        assert!(manual.contains(limit), "{limit}");
    }
    assert_eq!((ENTRIES_MAX, FLAG_VALUES_MAX, ROWS_BYTES_MAX, FILE_BYTES_MAX), (1_000, 20_000, 1 << 20, 64 << 20));
}

#[test]
fn what_clients_are_told_of_a_project_is_bounded() {
    let text = "x".repeat(10_000);
    for (table, lines, bytes) in [
        ("tags", format!("selector = '{text}'\nlocation = '{text}'"), 20_000),
        ("conditions", format!("name = 'N'\nfilters = '[{{\"a\":\"{text}\"}}]'"), 10_000),
        ("feature_flags", format!("flag_key = 'N'\npayload = '\"{text}\"'"), 10_000),
        ("ut_tests", format!("title = 'a'\ntasks = [{{ title = 'a', description = '{text}' }}]"), 10_000),
    ] {
        let rows = |count: usize| -> String {
            let row =
                |number: usize| format!("[[{table}]]\nproject_id = 1\n{}\n", lines.replace('N', &number.to_string()));
            PROJECT.to_owned() + &(0..count).map(row).collect::<String>()
        };
        let fit = ROWS_BYTES_MAX / bytes - 1;
        assert!(Directory::parse(&rows(fit)).is_ok(), "{table}");
        let (_, text) = fault(&rows(fit + 2));
        assert_eq!(text, format!("the entries of project 1 in `{table}` have more than 1048576 bytes of text"));
    }
}
