//! Header values with parameters: `form-data; name="a"`, `multipart/form-data; boundary=b` (RFC 9110, 5.6.6; RFC 2231).

/// A value and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameterised {
    /// What stands before the first semicolon, in lower case.
    pub value: String,
    /// Names in lower case, each once, with their values unquoted.
    params: Vec<(String, Vec<u8>)>,
}

/// A parameter that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// It is not there.
    Absent,
    /// Its value; that of the extended form (`name*`) where both are there.
    Value(Vec<u8>),
    /// There is only an extended form, which cannot be decoded.
    Unreadable,
}

impl Parameterised {
    /// Reads a value as Go's `mime.ParseMediaType` does: blanks may stand around semicolons and equals signs, and names ignore
    /// case. `None`: it is malformed, or a parameter stands there twice.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (value, mut rest) = split_at(text, |byte| byte == b';');
        let value = value.trim_ascii();
        if value.is_empty() || !value.iter().all(|&byte| is_token(byte) || byte == b'/') {
            return None;
        }
        let mut params: Vec<(String, Vec<u8>)> = Vec::new();
        while let Some(after) = rest.strip_prefix(b";") {
            let after = after.trim_ascii_start();
            // A semicolon at the end has nothing behind it.
            if after.is_empty() {
                return Some(Self { value: lower(value), params });
            }
            let (name, after) = split_at(after, |byte| !is_token(byte));
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

    /// The parameter of this name, which is in lower case.
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

/// A byte of a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A token or a quoted string, and what follows it.
fn read_value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (token, rest) = split_at(text, |byte| !is_token(byte));
        return (!token.is_empty()).then(|| (token.to_vec(), rest));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, &quoted[at + 1..])),
            // Only what needs an escape has one: a path of Windows keeps its backslashes.
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
    super::path::unescape_into(encoded, false, &mut value)?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(text: &str, name: &str) -> Param {
        Parameterised::parse(text.as_bytes()).expect("is well formed").param(name)
    }

    fn value(text: &str) -> Param {
        Param::Value(text.as_bytes().to_vec())
    }

    #[test]
    fn parameters_are_read_whatever_their_case_and_blanks() {
        for text in [
            "form-data; name=a; filename=b",
            "FORM-DATA; NAME=a; FILENAME=b",
            "Form-Data ;Name = \"a\" ; FileName=\"b\"",
            "form-data;name=a;filename*=UTF-8''b;",
            "form-data; name*=utf-8'en'%61; filename=\"no\"; filename*=us-ascii''%62 ; ",
        ] {
            let read = Parameterised::parse(text.as_bytes()).expect(text);
            assert_eq!(
                (&*read.value, read.param("name"), read.param("filename")),
                ("form-data", value("a"), value("b"))
            );
        }
        assert_eq!(param("multipart/form-data ; boundary = b", "boundary"), value("b"));
        assert_eq!(param("a; b=\"c:\\d \\\"e\\\\; f=g\"", "b"), value("c:\\d \"e\\; f=g"));
        assert_eq!(param("a; b=\"\"", "b"), value(""));
        assert_eq!(param("a", "b"), Param::Absent);
    }

    #[test]
    fn an_extended_value_that_can_not_be_decoded_is_no_other_value() {
        for text in ["utf-16''b", "b", "utf-8''%zz", "''b"] {
            assert_eq!(param(&format!("a; b*=\"{text}\""), "b"), Param::Unreadable, "{text}");
            assert_eq!(param(&format!("a; b*=\"{text}\"; b=c"), "b"), value("c"), "{text}");
        }
    }

    #[test]
    fn malformed_values_are_none() {
        for bad in ["", ";a=b", "a b", "a; b", "a; b=", "a; =c", "a; b=c d", "a; b=\"c", "a; b=c; B=d", "a;;b=c", "a\0"]
        {
            assert_eq!(Parameterised::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
