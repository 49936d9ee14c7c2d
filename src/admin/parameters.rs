//! What the addresses of the API ask for. What is not known, or not as it must be, is refused: an answer that passes over a filter looks like one that has it.

use std::borrow::Cow;

use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::answer::fault;

/// The parameters of an address, each once, of these names. Those without a value are left out: a form sends fields that are empty.
///
/// # Errors
/// Which name is unknown, or there twice.
pub(in crate::admin) fn parameters<'a>(
    uri: &'a Uri,
    known: &[&'static str],
) -> Result<Vec<(&'static str, Cow<'a, str>)>, String> {
    let mut found: Vec<(&'static str, Cow<'_, str>)> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let Some(known) = known.iter().copied().find(|known| *known == name) else {
            return Err(format!("there is no parameter {name}"));
        };
        if found.iter().any(|(other, _)| *other == known) {
            return Err(format!("{known} is there twice"));
        }
        found.push((known, value));
    }
    found.retain(|(_, value)| !value.is_empty());
    Ok(found)
}

/// Whether something is on: `1`, and `0` for off.
///
/// # Errors
/// It is neither.
pub(in crate::admin) fn flag(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err(format!("{name} is 1 or 0, not {value}")),
    }
}

/// Which of these are on in an address that has nothing else.
///
/// # Errors
/// The answer that says what is wrong.
pub(in crate::admin) fn flags<const N: usize>(uri: &Uri, names: [&'static str; N]) -> Result<[bool; N], Box<Response>> {
    let mut on = [false; N];
    let read = parameters(uri, &names).and_then(|found| {
        for (at, name) in names.iter().enumerate() {
            if let Some((_, value)) = found.iter().find(|(found, _)| found == name) {
                on[at] = flag(name, value)?;
            }
        }
        Ok(on)
    });
    read.map_err(|text| Box::new(fault(StatusCode::BAD_REQUEST, &text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_or_not_as_it_must_be_is_refused() {
        let flags = |query: &str| flags(&format!("/x?{query}").parse().unwrap(), ["follow", "soon"]).ok();
        assert_eq!(flags(""), Some([false, false]));
        assert_eq!(flags("soon=1&follow=0"), Some([false, true]));
        assert_eq!(flags("soon="), Some([false, false]));
        for wrong in ["follow=yes", "follow=true", "follow=11", "Follow=1", "colour=", "soon=1&soon=0"] {
            assert_eq!(flags(wrong), None, "{wrong}");
        }
    }
}
