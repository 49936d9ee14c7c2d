//! What is asked for in the body of an action, and the command that does it.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The longest user id and project key, in bytes.
const USER_BYTES_MAX: usize = 1024;
const KEY_BYTES_MAX: usize = 255;

/// An action whose command can be run.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::admin) struct Asked {
    /// Its name.
    pub action: &'static str,
    /// What was asked for, as clients are told.
    pub told: Json,
    /// The command and its options: everybody on this machine can see them.
    pub arguments: Vec<String>,
    /// What it reads on stdin.
    pub input: String,
}

impl Asked {
    fn new(action: &'static str, told: Json, options: &[&str]) -> Self {
        let arguments = std::iter::once(action).chain(options.iter().copied()).map(str::to_owned).collect();
        Self { action, told, arguments, input: String::new() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EraseBody {
    session: Option<Json>,
    user: Option<Json>,
    project: Option<Json>,
    dry_run: Option<Json>,
    confirm: Option<Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// Of what is to be erased: `session`, `user` or `project`, and its value.
struct Whose {
    field: &'static str,
    value: String,
}

/// `takeup erase`, beside the server with this admin address.
///
/// # Errors
/// Which field is wrong, and what it must be.
pub(in crate::admin) fn erase(body: &[u8], admin: SocketAddr) -> Result<Asked, String> {
    let body: EraseBody = parse(body)?;
    let Whose { field, value } = whose(&body)?;
    let dry_run = match &body.dry_run {
        None => false,
        Some(Json::Bool(dry_run)) => *dry_run,
        Some(_) => return Err("dry_run: true or false".to_owned()),
    };
    if !dry_run && body.confirm.as_ref().and_then(text).as_deref() != Some(&*value) {
        return Err(format!("confirm: what is erased is gone, so it must repeat the value of {field} exactly"));
    }
    let (what, input) = match field {
        "user" => ("--user-from=-".to_owned(), format!("{value}\n")),
        // With its value in one argument, so that no value is taken for an option.
        _ => (format!("--{field}={value}"), String::new()),
    };
    let admin = format!("--admin={admin}");
    let how = if dry_run { "--dry-run" } else { "--yes" };
    let mut told = Map::new();
    told.insert(field.to_owned(), Json::String(value));
    told.insert("dry_run".to_owned(), Json::Bool(dry_run));
    Ok(Asked { input, ..Asked::new("erase", Json::Object(told), &[&what, how, "--json", &admin]) })
}

/// `takeup retention`.
///
/// # Errors
/// There is a field.
pub(in crate::admin) fn retention(body: &[u8], _: SocketAddr) -> Result<Asked, String> {
    no_fields(body)?;
    Ok(Asked::new("retention", Json::Object(Map::new()), &["--dry-run", "--json"]))
}

/// `takeup compact`.
///
/// # Errors
/// There is a field.
pub(in crate::admin) fn compact(body: &[u8], _: SocketAddr) -> Result<Asked, String> {
    no_fields(body)?;
    Ok(Asked::new("compact", Json::Object(Map::new()), &["--json"]))
}

/// Of what needs nothing said.
///
/// # Errors
/// There is a field.
pub(in crate::admin) fn no_fields(body: &[u8]) -> Result<(), String> {
    parse(body).map(|NoFields {}| ())
}

/// An object of these fields alone; an empty body is one without any.
///
/// # Errors
/// It is none.
pub(in crate::admin) fn parse<'a, T: Deserialize<'a> + Default>(body: &'a [u8]) -> Result<T, String> {
    if body.is_empty() {
        return Ok(T::default());
    }
    // An array would be taken for the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err("the body must be an object of JSON".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn whose(body: &EraseBody) -> Result<Whose, String> {
    let fields = [("session", &body.session), ("user", &body.user), ("project", &body.project)];
    let mut given = fields.into_iter().filter_map(|(field, value)| Some((field, value.as_ref()?)));
    let (Some((field, value)), None) = (given.next(), given.next()) else {
        return Err("one of session, user and project must say what to erase".to_owned());
    };
    let checked = match field {
        "session" => text(value).filter(|text| is_number::<u64>(text)).ok_or("the number of a session"),
        "user" => value
            .as_str()
            .filter(|text| is_value(text, USER_BYTES_MAX))
            .map(str::to_owned)
            .ok_or("a text of 1 to 1024 bytes, without NUL"),
        _ => text(value)
            .filter(|text| is_value(text, KEY_BYTES_MAX) && text != "0")
            .ok_or("the number or the key of a project"),
    };
    checked.map(|value| Whose { field, value }).map_err(|wanted| format!("{field}: must be {wanted}"))
}

/// A text, or a number as it is written.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    }
}

/// Whether a number is written without sign and leading zeros, and is not 0.
fn is_number<N: std::str::FromStr + ToString>(text: &str) -> bool {
    text != "0" && text.parse::<N>().is_ok_and(|number| number.to_string() == text)
}

fn is_value(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && !text.contains('\0')
}

#[cfg(test)]
mod tests;
