//! Header values with parameters: `form-data; name="a"`, `multipart/form-data; boundary=b` (RFC 9110, 5.6.6; RFC 2231).

use super::bytes::is_token_byte;
use super::path::unescape_into;

/// A value and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameterised {
    /// The text before the first semicolon, in lower case.
    pub value: String,
    /// Names in lower case, each once, and their unquoted values.
    params: Vec<(String, Vec<u8>)>,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// There is no such parameter.
    Absent,
    /// Its value. If both forms are present, that of the extended form (`name*`).
    Value(Vec<u8>),
    /// There is only an extended form, and it cannot be decoded.
    Unreadable,
}

impl Parameterised {
    /// Parses a value as Go's `mime.ParseMediaType` does: blanks around semicolons and equals signs are allowed, and names ignore case. `None`:
    /// it is malformed, or a parameter occurs twice.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (value, mut rest) = split_at(text, |byte| byte == b';');
        let value = value.trim_ascii();
        if value.is_empty() || !value.iter().all(|&byte| is_token_byte(byte) || byte == b'/') {
            return None;
        }
        let mut params: Vec<(String, Vec<u8>)> = Vec::new();
        while let Some(after) = rest.strip_prefix(b";") {
            let after = after.trim_ascii_start();
            // A trailing semicolon is allowed.
            if after.is_empty() {
                return Some(Self { value: lower(value), params });
            }
            let (name, after) = split_at(after, |byte| !is_token_byte(byte));
            let after = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
            let (param, after) = read_value(after)?;
            let name = lower(name);
            if name.is_empty() || params.iter().any(|(known, _)| *known == name) {
                return None;
            }
            params.push((name, param));
            rest = after.trim_ascii_start();
        }
        rest.is_empty().then(|| Self { value: lower(value), params })
    }

    /// The parameter with this name, given in lower case.
    pub fn param(&self, name: &str) -> Param {
        let find = |wanted: &str| self.params.iter().find(|(name, _)| name == wanted).map(|(_, value)| &value[..]);
        let extended = find(&format!("{name}*"));
        match (extended.and_then(decode_extended), find(name), extended) {
            (Some(value), ..) => Param::Value(value),
            (None, Some(value), _) => Param::Value(value.to_vec()),
            (None, None, Some(_)) => Param::Unreadable,
            (None, None, None) => Param::Absent,
        }
    }
}

fn split_at(text: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|&byte| ends(byte)).unwrap_or(text.len()))
}

fn lower(text: &[u8]) -> String {
    text.iter().map(|&byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// A token or a quoted string, and what follows it.
fn read_value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (token, rest) = split_at(text, |byte| !is_token_byte(byte));
        return (!token.is_empty()).then(|| (token.to_vec(), rest));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, &quoted[at + 1..])),
            // Only quotes and backslashes can be escaped, so that a Windows path keeps its backslashes.
            b'\\' if matches!(quoted.get(at + 1), Some(b'"' | b'\\')) => {
                value.push(quoted[at + 1]);
                bytes.next();
            }
            _ => value.push(byte),
        }
    }
    None
}

/// `UTF-8'en'a%20b` (RFC 8187, 3.2).
fn decode_extended(text: &[u8]) -> Option<Vec<u8>> {
    let mut parts = text.splitn(3, |&byte| byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    if !charset.eq_ignore_ascii_case(b"utf-8") && !charset.eq_ignore_ascii_case(b"us-ascii") {
        return None;
    }
    let mut value = Vec::new();
    unescape_into(encoded, false, &mut value)?;
    Some(value)
}

#[cfg(test)]
mod tests;
