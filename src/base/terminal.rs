//! Characters in untrusted text that must not reach a terminal unescaped.
//!
//! Log lines and tables are read on terminals. There a control character moves the cursor, changes colours or injects input (so do U+0080 to
//! U+009F, each in a single character); a direction mark shows text out of order; and some characters end a line or hide text. All of them
//! are shown as escapes.

use std::fmt;

/// Whether a terminal would do anything with this character other than show it.
pub fn is_hostile(character: char) -> bool {
    character.is_control() || (!character.is_ascii() && is_hostile_mark(character))
}

fn is_hostile_mark(character: char) -> bool {
    matches!(character,
        // Direction marks.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
        // Annotations and tags: invisible text.
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Writes a character as a JSON escape: `\u009b`, or two of these above U+FFFF.
pub fn write_json_escape(character: char, out: &mut impl fmt::Write) -> fmt::Result {
    character.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
}

/// Escapes hostile characters, except line breaks and tabs: for messages that quote text from others.
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hostile(character) && !matches!(character, '\n' | '\t') {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters of every kind that must not reach a terminal, for tests.
#[cfg(test)]
pub(crate) const HOSTILE: &str = "\u{0}\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{9f}\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\
    \u{2028}\u{2029}\u{2066}\u{2069}\u{fff9}\u{e0001}\u{e007f}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped_and_writing_of_every_script_stays() {
        assert!(HOSTILE.chars().all(is_hostile));
        let plain = "żółty Ω 漢字 क्\u{200d}ष می\u{200c}خواهم 👩\u{200d}👧 שלום \u{a0}\u{ad}";
        assert!(!plain.chars().any(is_hostile));
        assert_eq!(harmless(plain), plain);
        assert_eq!(harmless("a\n\tb\r\u{9b}31m\u{202e}"), "a\n\tb\\r\\u{9b}31m\\u{202e}");
    }

    #[test]
    fn an_escape_is_the_character_to_who_reads_json() {
        for character in HOSTILE.chars() {
            let mut json = String::from("\"");
            write_json_escape(character, &mut json).unwrap();
            json.push('"');
            assert!(json.is_ascii());
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), character.to_string());
        }
    }
}
