//! Writes messages for people and for scripts: as one readable line, or as one JSON object.
//!
//! The JSON members are `index`, `timestamp_ms`, `id`, `name`, `fields` (an object with the catalogue's names), and, only if they apply,
//! `extra_bytes` (the number of bytes after the known fields), `fault` (why the fields end early), and `bytes` (base64: the content of a
//! message that is broken or unknown). In strings, invalid UTF-8 is replaced with U+FFFD. Numbers are integers and may exceed 2^53.

use std::fmt::{self, Write as _};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::base::terminal::{is_hostile, write_json_escape};

use super::batch::{Body, Message};
use super::primitive::Value;

/// How many characters of a string a readable line shows.
const LINE_CHARS_MAX: usize = 100;

/// How many bytes of an unknown message a readable line shows.
const LINE_BYTES_MAX: usize = 24;

impl Message<'_> {
    /// Appends the message as one JSON object, without a line end.
    pub fn write_json(&self, out: &mut String) {
        out.push('{');
        self.write_json_members(out);
        out.push('}');
    }

    /// Appends the members of the JSON object without its braces, so that a caller can add its own before them.
    pub fn write_json_members(&self, out: &mut String) {
        self.members(out).expect("writing into a String cannot fail");
    }

    fn members(&self, out: &mut String) -> fmt::Result {
        write!(
            out,
            r#""index":{},"timestamp_ms":{},"id":{},"name":"{}","fields":{{"#,
            self.index, self.timestamp_ms, self.id, self.name
        )?;
        for (position, (name, value)) in self.fields().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(out, r#"{comma}"{name}":"#)?;
            match value {
                Value::Uint(value) => write!(out, "{value}")?,
                Value::Int(value) => write!(out, "{value}")?,
                Value::Bool(value) => write!(out, "{value}")?,
                Value::Str(bytes) => json_string(bytes, out)?,
            }
        }
        out.push('}');
        match self.body {
            Body::Whole => Ok(()),
            Body::Longer { extra } => write!(out, r#","extra_bytes":{extra}"#),
            Body::Broken(fault) => {
                out.push_str(r#","fault":"#);
                json_string(fault.to_string().as_bytes(), out)?;
                self.json_bytes(out)
            }
            Body::Unknown => self.json_bytes(out),
        }
    }

    fn json_bytes(&self, out: &mut String) -> fmt::Result {
        write!(out, r#","bytes":"{}""#, Base64Display::new(self.bytes, &STANDARD))
    }
}

/// The readable line: time, page and number, name, fields. Long strings are cut and marked.
impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_time(self.timestamp_ms, f)?;
        write!(f, " {}:{} {}", self.index >> 32, self.index & 0xffff_ffff, self.name)?;
        if self.body == Body::Unknown {
            write!(f, "({})", self.id)?;
        }
        for (name, value) in self.fields() {
            write!(f, " {name}=")?;
            match value {
                Value::Uint(value) => write!(f, "{value}")?,
                Value::Int(value) => write!(f, "{value}")?,
                Value::Bool(value) => write!(f, "{value}")?,
                Value::Str(bytes) => write_text(bytes, f)?,
            }
        }
        match self.body {
            Body::Whole => Ok(()),
            Body::Longer { extra } => {
                write!(f, " (and {extra} bytes that the catalogue does not know)")
            }
            Body::Broken(fault) => write!(f, " (broken: {fault})"),
            Body::Unknown => {
                write!(f, " {} bytes:", self.bytes.len())?;
                for byte in self.bytes.iter().take(LINE_BYTES_MAX) {
                    write!(f, " {byte:02x}")?;
                }
                if self.bytes.len() > LINE_BYTES_MAX { f.write_str(" ...") } else { Ok(()) }
            }
        }
    }
}

/// RFC 3339 in UTC with milliseconds; the bare number if a client's clock is outside the calendar's range.
fn write_time(ms: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(time) => write!(f, "{time:.3}"),
        Err(_) => write!(f, "{ms}ms"),
    }
}

fn write_text(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = 0;
    let mut left = LINE_CHARS_MAX;
    f.write_char('"')?;
    'text: for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if left == 0 {
                break 'text;
            }
            left -= 1;
            shown += character.len_utf8();
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                _ if is_hostile(character) => write!(f, "{}", character.escape_default())?,
                _ => f.write_char(character)?,
            }
        }
        if !chunk.invalid().is_empty() {
            if left == 0 {
                break;
            }
            left -= 1;
            shown += chunk.invalid().len();
            f.write_char(char::REPLACEMENT_CHARACTER)?;
        }
    }
    f.write_char('"')?;
    if shown < bytes.len() { write!(f, "+{} bytes", bytes.len() - shown) } else { Ok(()) }
}

fn json_string(bytes: &[u8], out: &mut String) -> fmt::Result {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                _ if is_hostile(character) => write_json_escape(character, out)?,
                _ => out.push(character),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests;
