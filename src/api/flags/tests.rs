use super::*;

fn directory(text: &str) -> Directory {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("projects.toml");
    std::fs::write(&path, format!("[[projects]]\nproject_id = 1\nproject_key = 'k'\n{text}")).expect("is writable");
    Directory::load(&path).unwrap_or_else(|error| panic!("{error}"))
}

fn ask(directory: &Directory, body: &str, dice: &[u8]) -> String {
    let mut dice = dice.iter().copied().chain(std::iter::repeat(0));
    let answer = feature_flags(body.as_bytes(), directory, Some(1), || dice.next().expect("endless"));
    answer
        .map_or_else(|refusal| format!("{} {}", refusal.status, refusal.text), |body| String::from_utf8(body).unwrap())
}

/// A flag `f` of the project.
fn flag(lines: &str) -> Directory {
    directory(&format!("[[feature_flags]]\nproject_id = 1\nflag_key = 'f'\n{lines}\n"))
}

fn has(directory: &Directory, body: &str, dice: &[u8]) -> bool {
    ask(directory, body, dice).contains("\"key\":\"f\"")
}

#[test]
fn a_rollout_of_0_is_nobody_and_of_100_everybody() {
    for (rollout, dice, on) in
        [(0, 0, false), (1, 0, true), (1, 1, false), (50, 49, true), (50, 50, false), (99, 99, false), (100, 99, true)]
    {
        let directory = flag(&format!("conditions = [{{ rollout_percentage = {rollout} }}]"));
        assert_eq!(has(&directory, "{}", &[dice]), on, "rollout {rollout}, dice {dice}");
    }
}

#[test]
fn the_first_condition_that_holds_decides() {
    let filter = |value: &str| format!("filters = [{{ type = 'userOs', operator = 'is', value = ['{value}'] }}]");
    let conditions = format!(
        "conditions = [{{ {}, rollout_percentage = 0 }}, {{ {}, rollout_percentage = 100 }}]",
        filter("Linux"),
        filter("Mac")
    );
    let directory = flag(&conditions);
    assert!(!has(&directory, r#"{"os":"Linux"}"#, &[]));
    assert!(has(&directory, r#"{"os":"Mac"}"#, &[]));
    assert!(!has(&directory, r#"{"os":"Windows"}"#, &[]));
    assert!(!has(&flag(""), "{}", &[]), "a flag without conditions is nobody's");
}

#[test]
fn all_filters_of_a_condition_must_hold() {
    let directory = flag(
        "conditions = [{ filters = [{ type = 'userOs', operator = 'is', value = ['Linux'] }, \
         { type = 'userCountry', operator = 'is', value = ['FR', 'DE'] }] }]",
    );
    assert!(has(&directory, r#"{"os":"Linux","country":"DE"}"#, &[]));
    assert!(!has(&directory, r#"{"os":"Linux","country":"IT"}"#, &[]));
}

#[test]
fn every_operator_compares_as_its_name_says() {
    for (operator, value, holds, fails) in [
        ("is", "['a', 'b']", "b", "ab"),
        ("isNot", "['a', 'b']", "c", "a"),
        ("isAny", "[]", "x", ""),
        ("contains", "['b']", "abc", "ac"),
        ("notContains", "['b']", "ac", "abc"),
        ("startsWith", "['a']", "ab", "ba"),
        ("endsWith", "['b']", "ab", "ba"),
        ("isUndefined", "[]", "", "x"),
    ] {
        let directory = flag(&format!(
            "conditions = [{{ filters = [{{ type = 'userId', operator = '{operator}', value = {value} }}] }}]"
        ));
        assert!(has(&directory, &format!(r#"{{"userID":"{holds}"}}"#), &[]), "{operator}");
        assert!(!has(&directory, &format!(r#"{{"userID":"{fails}"}}"#), &[]), "{operator}");
    }
    let unknown = flag("conditions = [{ filters = [{ type = 'userId', operator = 'like', value = ['a'] }] }]");
    assert!(!has(&unknown, r#"{"userID":"a"}"#, &[]));
}

#[test]
fn every_type_looks_at_its_own_field() {
    let fields = [
        ("userCountry", "country"),
        ("userCity", "city"),
        ("userState", "state"),
        ("userOs", "os"),
        ("userBrowser", "browser"),
        ("userDevice", "device"),
        ("userId", "userID"),
        ("referrer", "referrer"),
    ];
    for (kind, field) in fields {
        let directory =
            flag(&format!("conditions = [{{ filters = [{{ type = '{kind}', operator = 'is', value = ['x'] }}] }}]"));
        for (_, other) in fields {
            let body = format!(r#"{{"{}":"x"}}"#, other.to_uppercase());
            assert_eq!(has(&directory, &body, &[]), other == field, "{kind} and {other}");
        }
    }
    let plan =
        flag("conditions = [{ filters = [{ type = 'metadata', operator = 'is', value = ['pro'], source = 'plan' }] }]");
    assert!(has(&plan, r#"{"metadata":{"plan":"pro"}}"#, &[]));
    for other in [r#"{"metadata":{"Plan":"pro"}}"#, r#"{"metadata":{"plan":null}}"#, r#"{"metadata":null}"#, "{}"] {
        assert!(!has(&plan, other, &[]), "{other}");
    }
    let unknown = flag("conditions = [{ filters = [{ type = 'userShoes', operator = 'isUndefined' }] }]");
    assert!(!has(&unknown, "{}", &[]));
}

const MULTI: &str = "flag_type = 'multi'\nis_persist = true\nconditions = [{ rollout_percentage = 100 }]\n\
    variants = [{ value = 'blue', payload = '{\"c\":\"b\"}', rollout_percentage = 30 }, \
    { value = 'green', rollout_percentage = 70 }]";

#[test]
fn variants_are_drawn_by_their_shares() {
    let directory = flag(MULTI);
    for (lot, value) in [(0, "blue"), (29, "blue"), (30, "green"), (99, "green")] {
        let answer = ask(&directory, "{}", &[0, lot]);
        assert!(answer.contains(&format!(r#""value":"{value}""#)), "{lot}: {answer}");
    }
    let none = MULTI.replace("rollout_percentage = 30", "rollout_percentage = 0");
    assert!(ask(&flag(&none), "{}", &[0, 0]).contains("green"), "a share of 0 is nobody's");
    let short = MULTI.replace("rollout_percentage = 70", "rollout_percentage = 20");
    assert!(!has(&flag(&short), "{}", &[0, 50]), "beyond all shares");
}

#[test]
fn a_kept_value_is_given_back_plain_in_both_forms() {
    let single = flag("is_persist = true\npayload = '{\"a\":1}'\nconditions = [{ rollout_percentage = 0 }]");
    let expected = r#"{"flags":[{"key":"f","is_persist":true,"value":true,"payload":"{\"a\": 1}"}]}"#;
    for kept in [r#"{"f":true}"#, r#"{"f":{"key":"f","value":true}}"#, r#"{"f":{"value":false,"Value":true}}"#] {
        assert_eq!(ask(&single, &format!(r#"{{"persistFlags":{kept}}}"#), &[]), expected);
    }
    for other in [r#"{"f":null}"#, r#"{"f":{"key":"f"}}"#, r#"{"f":[1]}"#, r#"{"F":true}"#, "{}"] {
        assert!(!has(&single, &format!(r#"{{"persistFlags":{other}}}"#), &[]), "{other} is evaluated anew");
    }
    let transient = flag("conditions = [{ rollout_percentage = 0 }]");
    assert!(!has(&transient, r#"{"persistFlags":{"f":true}}"#, &[]), "only flags that are kept");
}

#[test]
fn a_kept_variant_counts_as_long_as_it_exists() {
    let directory = flag(MULTI);
    for kept in [r#""blue""#, r#"{"key":"f","value":"blue"}"#] {
        let answer = ask(&directory, &format!(r#"{{"persistFlags":{{"f":{kept}}}}}"#), &[0, 99]);
        assert_eq!(answer, r#"{"flags":[{"key":"f","is_persist":true,"value":"blue","payload":"{\"c\": \"b\"}"}]}"#);
    }
    let gone = ask(&directory, r#"{"persistFlags":{"f":"red"}}"#, &[0, 99]);
    assert_eq!(gone, r#"{"flags":[{"key":"f","is_persist":true,"value":"green","payload":""}]}"#);
}

#[test]
fn only_active_flags_of_the_sessions_project_come_in_the_order_of_the_file() {
    let on = "conditions = [{ rollout_percentage = 100 }]";
    let text = format!(
        "[[projects]]\nproject_id = 2\nproject_key = 'two'\n\
         [[feature_flags]]\nproject_id = 1\nflag_key = 'z'\n{on}\n[[feature_flags]]\nproject_id = 2\nflag_key = 'other'\n{on}\n\
         [[feature_flags]]\nproject_id = 1\nflag_key = 'off'\nis_active = false\n{on}\n[[feature_flags]]\nproject_id = 1\nflag_key = 'a'\n{on}\n"
    );
    let answer = ask(&directory(&text), r#"{"projectID":"2"}"#, &[]);
    let keys: Vec<&str> = answer.split("\"key\":\"").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(keys, ["z", "a"], "{answer}");
}

#[test]
fn without_a_known_project_there_are_none_and_the_body_is_not_looked_at() {
    let directory = directory("");
    for project in [None, Some(9)] {
        assert_eq!(feature_flags(b"no json", &directory, project, || 0).unwrap(), NONE);
    }
}

#[test]
fn a_body_of_the_wrong_type_is_refused_with_gos_words() {
    let directory = directory("");
    let field = "json: cannot unmarshal";
    for (body, text) in [
        ("", "unexpected end of JSON input".to_owned()),
        ("[]", format!("{field} array into Go value of type featureflags.FeatureFlagsRequest")),
        (
            r#"{"projectID":1}"#,
            format!("{field} number into Go struct field FeatureFlagsRequest.projectID of type string"),
        ),
        (
            r#"{"metadata":5}"#,
            format!("{field} number into Go struct field FeatureFlagsRequest.metadata of type map[string]string"),
        ),
        (
            r#"{"metadata":{"a":true}}"#,
            format!("{field} bool into Go struct field FeatureFlagsRequest.metadata of type string"),
        ),
        (
            r#"{"persistFlags":5}"#,
            format!(
                "{field} number into Go struct field FeatureFlagsRequest.persistFlags of type map[string]interface {{}}"
            ),
        ),
    ] {
        assert_eq!(ask(&directory, body, &[]), format!("400 {text}"), "{body}");
    }
    for good in ["null", "{}", r#"{"userID":null,"metadata":null,"persistFlags":null,"more":[1]}"#] {
        assert_eq!(ask(&directory, good, &[]), r#"{"flags":[]}"#, "{good}");
    }
}

#[test]
fn any_byte_in_any_place_is_read_or_refused() {
    let directory = flag(MULTI);
    let body = br#"{"os":"Linux","metadata":{"plan":"pro","n":null},"persistFlags":{"f":{"key":"f","value":"blue"},"g":[1,{}]}}"#;
    assert!(feature_flags(body, &directory, Some(1), || 0).is_ok());
    for at in 0..body.len() {
        assert!(feature_flags(&body[..at], &directory, Some(1), || 0).is_err(), "cut at {at}");
        for byte in *b"\"\\{}[],:0n\x00\x80" {
            let mut spoiled = body.to_vec();
            spoiled[at] = byte;
            if let Err(refusal) = feature_flags(&spoiled, &directory, Some(1), || 0) {
                assert_eq!(refusal.status, 400);
            }
        }
    }
}
