//! Prints JSON the way Postgres prints a `jsonb`, which OpenReplay's clients expect: a space after each colon and comma, keys ordered by
//! length and then by bytes, only the last of duplicate keys, numbers without exponents.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::DeValue;

/// A value, reduced to what its printed form depends on.
enum Json {
    /// A number, `true`, `false` or `null`, in its printed form.
    Plain(String),
    Text(String),
    List(Vec<Json>),
    /// Ordered by the key's length, then its bytes.
    Object(BTreeMap<(usize, String), Json>),
}

/// The printed form of the JSON in `text`, or what is wrong with it.
pub(super) fn from_text(text: &str) -> Result<String, String> {
    // This validates the grammar and bounds the depth for the parser below.
    serde_json::from_str::<Value>(text).map_err(|error| error.to_string())?;
    let json = Reader { text, at: 0 }.value()?;
    let mut out = String::with_capacity(text.len());
    json.print(&mut out);
    Ok(out)
}

/// The printed form of a value written as TOML, or why JSON can't represent it.
pub(super) fn from_toml(value: &DeValue<'_>) -> Result<String, String> {
    let mut out = String::new();
    json_of(value)?.print(&mut out);
    Ok(out)
}

fn json_of(value: &DeValue<'_>) -> Result<Json, String> {
    Ok(match value {
        DeValue::String(text) => Json::Text(text.clone().into_owned()),
        DeValue::Boolean(truth) => Json::Plain(truth.to_string()),
        DeValue::Datetime(date) => Json::Text(date.to_string()),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            Json::Plain(number.map_err(|_| format!("{} is out of range", integer.as_str()))?.to_string())
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok().filter(|number| number.is_finite());
            let number = number.ok_or_else(|| format!("{} is no number of JSON", float.as_str()))?;
            Json::Plain(printed_number(&format!("{number:?}")))
        }
        DeValue::Array(items) => {
            Json::List(items.iter().map(|item| json_of(item.get_ref())).collect::<Result<_, String>>()?)
        }
        DeValue::Table(members) => {
            let members = members.iter().map(|(key, value)| {
                let key = key.get_ref().to_string();
                Ok(((key.len(), key), json_of(value.get_ref())?))
            });
            Json::Object(members.collect::<Result<_, String>>()?)
        }
    })
}

impl Json {
    fn print(&self, out: &mut String) {
        match self {
            Self::Plain(text) => out.push_str(text),
            Self::Text(text) => print_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    item.print(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, ((_, key), value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    print_text(key, out);
                    out.push_str(": ");
                    value.print(out);
                }
                out.push('}');
            }
        }
    }
}

fn print_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A JSON number without an exponent, and with negative zero's sign removed.
fn printed_number(text: &str) -> String {
    let plain = match text.parse::<f64>() {
        Ok(number) if text.contains(['e', 'E']) => number.to_string(),
        _ => text.to_owned(),
    };
    match plain.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')) => digits.to_owned(),
        _ => plain,
    }
}

/// Parses a document whose grammar has already been validated.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    /// Skips `byte` if it comes next.
    fn passes(&mut self, byte: u8) -> bool {
        let comes = self.peek() == byte;
        self.at += usize::from(comes);
        comes
    }

    fn value(&mut self) -> Result<Json, String> {
        match self.peek() {
            b'"' => self.string().map(Json::Text),
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.passes(b']') {
                    items.push(self.value()?);
                    self.passes(b',');
                }
                Ok(Json::List(items))
            }
            b'{' => {
                self.at += 1;
                let mut members = BTreeMap::new();
                while !self.passes(b'}') {
                    self.peek();
                    let key = self.string()?;
                    self.passes(b':');
                    members.insert((key.len(), key), self.value()?);
                    self.passes(b',');
                }
                Ok(Json::Object(members))
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.find(|c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace());
                let word = &rest[..end.unwrap_or(rest.len())];
                if word.is_empty() {
                    return Err("a value is missing".to_owned());
                }
                self.at += word.len();
                Ok(Json::Plain(printed_number(word)))
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut end = 1;
        while rest.get(end).is_some_and(|&byte| byte != b'"') {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        let token = self.text.get(self.at..=self.at + end).ok_or("a text is cut short")?;
        self.at += end + 1;
        let text: String = serde_json::from_str(token).map_err(|error| error.to_string())?;
        // No database accepts it, and neither does `jsonb`.
        if text.contains('\0') { Err("a text must not contain NUL".to_owned()) } else { Ok(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_printed_as_postgres_prints_it() {
        for (text, printed) in [
            (r#"{"a":1}"#, r#"{"a": 1}"#),
            (" [1 ,2,\t[ ] ,{}]\n", "[1, 2, [], {}]"),
            (r#"{"bb":1,"a":{"z":null,"y":true},"c":3,"a":4}"#, r#"{"a": 4, "c": 3, "bb": 1}"#),
            (r#""a\u00e9\/\u0001\"\\\n""#, "\"aé/\\u0001\\\"\\\\\\n\""),
            (r#""<&>""#, r#""<&>""#),
            ("1.10", "1.10"),
            ("-0.0", "0.0"),
            ("1e3", "1000"),
            ("15E-3", "0.015"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("null", "null"),
        ] {
            assert_eq!(from_text(text).as_deref(), Ok(printed), "{text}");
            assert_eq!(from_text(printed).as_deref(), Ok(printed), "what is printed stays");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        for text in ["", "{", "{'a':1}", "[1,]", "1 2", r#""\ud800""#, r#""\u0000""#, "nul", &deep] {
            assert!(from_text(text).is_err(), "{text}");
        }
    }
}
