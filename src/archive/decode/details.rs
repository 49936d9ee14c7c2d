//! A message's fields that have no column, as one JSON object of bounded length.

use crate::tracker::Value;

use super::text::TEXT_BYTES_MAX;

/// Kept free for everything but the content of strings: names, numbers, punctuation. A test holds it against the catalogue.
const FRAME_BYTES_MAX: usize = 1200;

/// Writes fields, each with the key that it begins with, to `out`, which is cleared first: at most [`TEXT_BYTES_MAX`] bytes. Each string gets an equal share of the room that those
/// before it have left. Nothing is written if there is no field. Returns whether a string was cut.
pub(super) fn write(fields: &[(&'static str, Value<'_>)], out: &mut String) -> bool {
    out.clear();
    let mut strings = fields.iter().filter(|(_, value)| matches!(value, Value::Str(_))).count();
    let mut room = TEXT_BYTES_MAX - FRAME_BYTES_MAX;
    let mut cut = false;
    for &(key, value) in fields {
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(key);
        match value {
            Value::Uint(value) => push_number(value, out),
            Value::Int(value) => {
                if value < 0 {
                    out.push('-');
                }
                push_number(value.unsigned_abs(), out);
            }
            Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Value::Str(bytes) => {
                out.push('"');
                let from = out.len();
                cut |= !push_escaped(bytes, room / strings, out);
                room -= out.len() - from;
                strings -= 1;
                out.push('"');
            }
        }
    }
    if !out.is_empty() {
        out.push('}');
    }
    cut
}

/// Appends a number. Events have many, and the standard library's way takes several times as long.
fn push_number(mut value: u64, out: &mut String) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// Appends the content of a JSON string, in at most `room` bytes. `false`: it did not fit, and its end is missing.
fn push_escaped(bytes: &[u8], room: usize, out: &mut String) -> bool {
    let end = out.len() + room;
    if let Ok(text) = std::str::from_utf8(bytes) {
        return push_escaped_text(text, end, out);
    }
    for chunk in bytes.utf8_chunks() {
        if !push_escaped_text(chunk.valid(), end, out) {
            return false;
        }
        if !chunk.invalid().is_empty() && !push_whole("\u{fffd}", end, out) {
            return false;
        }
    }
    true
}

/// Whether a byte of a JSON string is escaped.
const fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Appends a text, escaped, as long as `out` has at most `end` bytes.
fn push_escaped_text(text: &str, end: usize, out: &mut String) -> bool {
    // Most texts fit and have nothing to escape. This looks at all bytes whatever it finds, so that it looks at many at once.
    if text.len() <= end.saturating_sub(out.len()) && !text.bytes().fold(false, |found, byte| found | is_special(byte))
    {
        out.push_str(text);
        return true;
    }
    let mut rest = text;
    loop {
        let plain = rest.bytes().position(is_special).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(plain);
        let room = head.len().min(end - out.len());
        let fits = (0..=room).rev().find(|&at| head.is_char_boundary(at)).unwrap_or_default();
        out.push_str(&head[..fits]);
        if fits < head.len() {
            return false;
        }
        let Some(&special) = tail.as_bytes().first() else { return true };
        rest = &tail[1..];
        let hex = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
        let is_pushed = match special {
            b'"' => push_whole("\\\"", end, out),
            b'\\' => push_whole("\\\\", end, out),
            b'\n' => push_whole("\\n", end, out),
            b'\r' => push_whole("\\r", end, out),
            b'\t' => push_whole("\\t", end, out),
            _ if out.len() + 6 <= end => {
                out.push_str("\\u00");
                out.extend([hex(special >> 4), hex(special)]);
                true
            }
            _ => false,
        };
        if !is_pushed {
            return false;
        }
    }
}

/// Appends a text if the whole of it fits.
fn push_whole(text: &str, end: usize, out: &mut String) -> bool {
    let fits = out.len() + text.len() <= end;
    if fits {
        out.push_str(text);
    }
    fits
}

#[cfg(test)]
mod tests;
