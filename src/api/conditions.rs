//! `GET /v1/{web,mobile}/conditions/{project}`: when a tracker starts to record by itself.

use crate::codec::json::ObjectWriter;
use crate::directory::{Condition, Directory};

use super::refusal::{Reason, Refusal};

/// The answer: the conditions of a project. `param` is the project as the path names it, `project` is that of the session.
///
/// A session of another project gets none: its tracker never asks, and would do nothing else with a refusal. A session whose project is not
/// known gets those of the project in the path: it was given out before a restart or by another server, nothing of it was
/// recorded yet, and without conditions nothing would ever be. Who has a project's public key may read them anyway.
pub fn conditions(param: &[u8], directory: &Directory, project: Option<u32>) -> Result<Vec<u8>, Refusal> {
    let asked = atoi(param)?;
    let list = u32::try_from(asked).ok().filter(|asked| project.is_none_or(|project| project == *asked));
    let list = list.and_then(|id| directory.by_id(id)).map_or(&[][..], |project| &project.conditions);
    let mut out = br#"{"conditions":["#.to_vec();
    for (at, condition) in list.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(&mut out, condition);
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

/// Both names of the rate: trackers of 2024 read the one, those of 2026 the other.
fn write(out: &mut Vec<u8>, condition: &Condition) {
    let mut json = ObjectWriter::new(out);
    json.integer("conditionId", condition.condition_id);
    json.text("name", &condition.name);
    json.raw("filters", &condition.filters);
    json.integer("capture_rate", condition.capture_rate);
    json.integer("captureRate", condition.capture_rate);
    json.end();
}

/// A number as Go's `strconv.Atoi` reads it.
fn atoi(text: &[u8]) -> Result<i64, Refusal> {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| {
        let digits_only = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let fault = if digits_only { "value out of range" } else { "invalid syntax" };
        let shown: String = String::from_utf8_lossy(text).chars().take(64).collect();
        Refusal::new(400, Reason::Parameter, format!("strconv.Atoi: parsing {shown:?}: {fault}"))
    })
}

#[cfg(test)]
mod tests {
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
}
