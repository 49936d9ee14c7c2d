//! What counts as a user's UUID.
//!
//! The client's text is kept unchanged if both OpenReplay's parser and Postgres accept it: the client sends back the text that it was
//! answered, and a changed text would be a different user to it. Forms that only the parser accepts (`urn:uuid:`, other characters in place
//! of braces) are brought into the usual form, because Postgres would refuse the row. Anything else is replaced with a new UUID.

use uuid::Uuid;

/// Changes `text` into a form that every later stage accepts, if it is not, and returns its UUID.
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

/// Parses the forms that OpenReplay's parser accepts; true if Postgres accepts the form too.
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
