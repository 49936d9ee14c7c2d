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
mod tests {
    use super::*;

    const CANONICAL: &str = "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11";

    fn settled(text: &str) -> (String, String) {
        let mut kept = text.to_owned();
        let uuid = settle(&mut kept);
        (kept, uuid.to_string())
    }

    #[test]
    fn forms_that_every_stage_takes_are_kept_as_they_came() {
        for text in [
            CANONICAL,
            "0E37DFB5-3F5A-4C7A-9D3E-2F1F6F1B7C11",
            "0e37dfb53f5a4c7a9d3e2f1f6f1b7c11",
            "{0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11}",
        ] {
            assert_eq!(settled(text), (text.to_owned(), CANONICAL.to_owned()));
        }
    }

    #[test]
    fn forms_that_postgres_refuses_are_made_canonical() {
        for text in [
            "urn:uuid:0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
            "URN:UUID:0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
            " 0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11 ",
            "[0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11]",
        ] {
            assert_eq!(settled(text), (CANONICAL.to_owned(), CANONICAL.to_owned()));
        }
    }

    #[test]
    fn anything_else_is_replaced_by_a_random_one() {
        for text in [
            "",
            "not-a-uuid",
            "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c1g",
            "0e37dfb53f5a-4c7a-9d3e-2f1f6f1b7c1111",
            "0e37dfb5_3f5a_4c7a_9d3e_2f1f6f1b7c11",
        ] {
            let (kept, uuid) = settled(text);
            assert_eq!(kept, uuid);
            assert_ne!(uuid, CANONICAL);
            assert_eq!(Uuid::parse_str(&uuid).unwrap().get_version_num(), 4);
        }
    }
}
