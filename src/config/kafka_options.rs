//! Further options for librdkafka.

use std::fmt;
use std::str::FromStr;

/// Options by name, in the order in which they are written. Values may be secret, so they are never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct KafkaOptions(Vec<(String, String)>);

impl KafkaOptions {
    /// Names and values.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl FromStr for KafkaOptions {
    type Err = String;

    /// The problem never contains a value.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut options: Vec<(String, String)> = Vec::new();
        for (index, option) in split(text)?.into_iter().enumerate() {
            if option.trim().is_empty() {
                continue;
            }
            let number = index + 1;
            let Some((name, value)) = option.split_once('=') else {
                return Err(format!("option {number}: expected name=value"));
            };
            let name = name.trim();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Err(format!("option {number}: expected the name of an option of librdkafka's before ="));
            }
            if value.contains('\0') {
                return Err(format!("option {number}: {name} has a NUL byte in its value"));
            }
            if options.iter().any(|(other, _)| other == name) {
                return Err(format!("option {number}: {name} is there twice"));
            }
            options.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(options))
    }
}

/// Splits at semicolons, and takes away what escapes them.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut parts = vec![String::new()];
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        let letter = match letter {
            ';' => {
                parts.push(String::new());
                continue;
            }
            '\\' => match rest.next() {
                Some(escaped @ (';' | '\\')) => escaped,
                _ => return Err("expected a semicolon or a backslash after each backslash".to_owned()),
            },
            letter => letter,
        };
        // There is always a last part.
        parts.last_mut().into_iter().for_each(|part| part.push(letter));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.parse::<KafkaOptions>().unwrap().pairs().to_vec()
    }

    #[test]
    fn options_are_pairs_and_a_password_may_hold_any_character() {
        assert_eq!(pairs(""), []);
        let found = pairs("sasl.mechanisms=PLAIN; sasl.username=me;sasl.password=a=b\\;c\\\\ d;");
        let wanted = [("sasl.mechanisms", "PLAIN"), ("sasl.username", "me"), ("sasl.password", "a=b;c\\ d")];
        assert_eq!(found, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_fault_names_the_option_and_no_value_is_ever_printed() {
        for (text, problem) in [
            ("a=1;secret", "option 2: expected name=value"),
            ("=secret", "option 1: expected the name"),
            ("a b=secret", "option 1: expected the name"),
            ("a=secret;a=secret", "option 2: a is there twice"),
            ("a=secret\\n", "after each backslash"),
            ("a=secret\0", "NUL"),
        ] {
            let error = text.parse::<KafkaOptions>().unwrap_err();
            assert!(error.contains(problem) && !error.contains("secret"), "{text:?}: {error}");
        }
        let options: KafkaOptions = "sasl.password=secret".parse().unwrap();
        assert_eq!(format!("{options:?}"), "[\"sasl.password\"]");
    }
}
