//! What counts as a UUID of a user.
//!
//! The client's text is kept as it came when both OpenReplay's reader and Postgres take it: the
//! client sends back what it was answered, and a changed text would be another user to it. The
//! forms that only the reader takes (`urn:uuid:`, odd characters around) are brought into the
//! usual form, because Postgres would refuse the row. Anything else is replaced by a fresh one.

use uuid::Uuid;

/// Brings `text` into a form that every later stage takes.
pub fn settle(text: &mut String) -> Uuid {
    let (uuid, as_is) = match parse(text.as_bytes()) {
        Some(parsed) => parsed,
        None => (Uuid::new_v4(), false),
    };
    if !as_is {
        text.clear();
        text.push_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
    uuid
}

/// The forms that OpenReplay's reader takes, and whether Postgres takes them too.
fn parse(text: &[u8]) -> Option<(Uuid, bool)> {
    match text.len() {
        32 => Uuid::try_parse_ascii(text).ok().map(|uuid| (uuid, true)),
        36 => hyphenated(text).map(|uuid| (uuid, true)),
        38 => {
            let braced = text[0] == b'{' && text[37] == b'}';
            hyphenated(&text[1..37]).map(|uuid| (uuid, braced))
        }
        45 if text[..9].eq_ignore_ascii_case(b"urn:uuid:") => hyphenated(&text[9..]).map(|uuid| (uuid, false)),
        _ => None,
    }
}

fn hyphenated(text: &[u8]) -> Option<Uuid> {
    let dashes = [8, 13, 18, 23].iter().all(|&at| text[at] == b'-');
    dashes.then(|| Uuid::try_parse_ascii(text).ok()).flatten()
}

#[cfg(test)]
mod tests;
