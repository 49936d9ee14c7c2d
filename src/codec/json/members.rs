//! Objects whose keys are data of the client's: maps, which are read member by member.

use super::reader::Reader;
use super::{JsonError, JsonScratch, KEY_BYTES_MAX, Value, fold};

/// Calls `visit` for each member of the object that `input` is, in order: the key as it is written, unescaped; the value; and the text of
/// the value, for what lies in it. Does nothing if `input` is no object. What follows the object is not looked at.
///
/// # Errors
///
/// The first fault of grammar, or the first error of `visit`.
pub fn members<'a>(
    input: &'a [u8],
    scratch: &mut JsonScratch,
    mut visit: impl FnMut(&str, Value<'_>, &'a [u8]) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut reader = Reader::new(input);
    let mut key = String::new();
    let mut more = reader.enters_object();
    while more {
        key.clear();
        key.push_str(reader.key(scratch)?);
        reader.blanks();
        let from = reader.at();
        let value = reader.value(scratch)?;
        visit(&key, value, &input[from..reader.at()])?;
        more = reader.passes_comma()?;
    }
    Ok(())
}

/// Whether a key is `lower`, without regard to case.
pub fn is_key(key: &str, lower: &str) -> bool {
    fold(key, &mut [0; KEY_BYTES_MAX]) == Some(lower)
}

/// The error for a value that a map's type does not take. `field` and `go_type` as in [`Mismatch`](super::Mismatch).
pub fn wrong_type(type_name: &str, field: &str, go_type: &str, value: Value<'_>) -> JsonError {
    JsonError::Type {
        found: value.kind().to_owned(),
        wanted: format!("struct field {type_name}.{field} of type {go_type}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(input: &str) -> Result<Vec<String>, JsonError> {
        let mut list = Vec::new();
        members(input.as_bytes(), &mut JsonScratch::default(), |key, value, raw| {
            list.push(format!("{key}={value:?}={}", String::from_utf8_lossy(raw)));
            Ok(())
        })?;
        Ok(list)
    }

    #[test]
    fn members_come_in_order_with_their_keys_as_written() {
        let input = r#" { "A" : "x\n", "a":{"b":[1]} , "a": null,"\u00e9":1.50 } "#;
        let expected = [r#"A=String("x\n")="x\n""#, r#"a=Object={"b":[1]}"#, "a=Null=null", r#"é=Number("1.50")=1.50"#];
        assert_eq!(listed(input).unwrap(), expected);
        assert_eq!(listed("{}").unwrap(), [""; 0]);
        for none in ["null", "[{\"a\":1}]", "5"] {
            assert_eq!(listed(none).unwrap(), [""; 0], "{none}");
        }
    }

    #[test]
    fn faults_of_grammar_are_told() {
        for bad in ["{", "{\"a\"", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1 2}", "{a:1}"] {
            assert!(listed(bad).is_err(), "{bad}");
        }
        assert!(is_key("PersistFlags", "persistflags") && !is_key("persist", "persistflags"));
    }
}
