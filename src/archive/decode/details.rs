//! A message's fields that have no column, as one JSON object of bounded length.

use std::fmt::Write as _;

use crate::tracker::{Message, Value};

use super::mapping::Mapping;
use super::text::TEXT_BYTES_MAX;

/// Kept free for everything but the content of strings: names, numbers, punctuation. A test holds it against the catalogue.
const FRAME_BYTES_MAX: usize = 1200;

/// Writes the fields for which `mapping` names no place to `out`, which is cleared first: at most [`TEXT_BYTES_MAX`] bytes. Each string gets
/// an equal share of the room that those before it have left. Nothing is written if there is no such field. Returns whether a string was cut.
pub(super) fn write(message: &Message<'_>, mapping: &Mapping, out: &mut String) -> bool {
    out.clear();
    let fields = || message.fields().filter(|(name, _)| mapping.place_of(name).is_in_details());
    let mut strings = fields().filter(|(_, value)| matches!(value, Value::Str(_))).count();
    let mut room = TEXT_BYTES_MAX - FRAME_BYTES_MAX;
    let mut cut = false;
    for (name, value) in fields() {
        out.push(if out.is_empty() { '{' } else { ',' });
        // Writing to a String cannot fail.
        let _ = write!(out, r#""{name}":"#);
        let _ = match value {
            Value::Uint(value) => write!(out, "{value}"),
            Value::Int(value) => write!(out, "{value}"),
            Value::Bool(value) => write!(out, "{value}"),
            Value::Str(bytes) => {
                out.push('"');
                let from = out.len();
                cut |= !push_escaped(bytes, room / strings, out);
                room -= out.len() - from;
                strings -= 1;
                out.push('"');
                Ok(())
            }
        };
    }
    if !out.is_empty() {
        out.push('}');
    }
    cut
}

/// Appends the content of a JSON string, in at most `room` bytes. `false`: it did not fit, and its end is missing.
fn push_escaped(bytes: &[u8], room: usize, out: &mut String) -> bool {
    let end = out.len() + room;
    let mut buffer = [0; 4];
    for chunk in bytes.utf8_chunks() {
        let broken = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        for character in chunk.valid().chars().chain(broken) {
            let escape = match character {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\0'..' ' => {
                    if out.len() + 6 > end {
                        return false;
                    }
                    let _ = write!(out, "\\u{:04x}", u32::from(character));
                    continue;
                }
                _ => character.encode_utf8(&mut buffer),
            };
            if out.len() + escape.len() > end {
                return false;
            }
            out.push_str(escape);
        }
    }
    true
}

#[cfg(test)]
mod tests;
