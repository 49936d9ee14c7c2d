//! `GET /v1/{web,mobile}/conditions/{project}`: when a tracker starts to record by itself.

use crate::codec::json::ObjectWriter;
use crate::directory::{Condition, Directory};

use super::refusal::{Reason, Refusal};

/// The answer: a project's conditions. `param` is the project in the path, `project` that of the session.
///
/// A session of another project gets an empty list: real trackers never ask for another project's conditions, and would treat a refusal
/// the same way. A session whose project is unknown gets the conditions of the project in the path: it was started before a restart or by
/// another server and has recorded nothing yet, and without conditions it never would. Anyone with a project's public key may read them
/// anyway.
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

/// Writes the rate under both names: trackers of 2024 read the first, those of 2026 the second.
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
mod tests;
