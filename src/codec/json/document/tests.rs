use crate::codec::json::reader::DEPTH_MAX;
use crate::codec::json::{Mismatch, set_bool, set_integer, set_text, write_string};

use super::*;

#[derive(Debug, Default, PartialEq)]
struct Sample {
    project_key: Option<String>,
    rev: String,
    timestamp: i64,
    memory: u64,
    reset: bool,
}

impl Fields for Sample {
    const TYPE: &'static str = "Sample";

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        match key {
            "projectkey" if value == Value::Null => self.project_key = None,
            "projectkey" => set_text(self.project_key.get_or_insert_default(), value, "projectKey")?,
            "rev" => set_text(&mut self.rev, value, "rev")?,
            "timestamp" => set_integer(&mut self.timestamp, value, "timestamp", "int64")?,
            "memory" => set_integer(&mut self.memory, value, "memory", "uint64")?,
            "reset" => set_bool(&mut self.reset, value, "reset")?,
            _ => {}
        }
        Ok(())
    }
}

fn sample(input: impl AsRef<[u8]>) -> Result<Sample, String> {
    let mut sample = Sample { rev: "left".to_owned(), timestamp: 7, ..Sample::default() };
    let mut scratch = JsonScratch {
        reader: ReaderBuffers { text: b"left".to_vec(), open: b"[[".to_vec() },
        ..JsonScratch::default()
    };
    read(input.as_ref(), &mut sample, &mut scratch).map(|()| sample).map_err(|error| error.to_string())
}

#[test]
fn keys_fold_and_the_last_one_wins() {
    let read = sample(r#"{"REV":"a","rev":"b","ReV":"c"}"#).unwrap();
    assert_eq!(read.rev, "c");
    let kelvin = sample("{\"project\u{212a}ey\":\"k\",\"time\u{17f}tamp\":5}").unwrap();
    assert_eq!(kelvin.project_key.as_deref(), Some("k"));
    assert_eq!(kelvin.timestamp, 5);
    let escaped = sample(r#"{"\u0070rojectKey":"k"}"#).unwrap();
    assert_eq!(escaped.project_key.as_deref(), Some("k"));
    let long = "k".repeat(1_000);
    let unknown = sample(format!(r#"{{"{long}":1,"é":2,"":3,"rev\u00e9":4}}"#)).unwrap();
    assert_eq!(unknown, Sample::default());
}

#[test]
fn null_keeps_a_plain_field_and_empties_a_nullable_one() {
    let read = sample(r#"{"rev":"a","rev":null,"projectKey":"k","projectKey":null}"#).unwrap();
    assert_eq!((read.rev.as_str(), read.project_key), ("a", None));
    assert_eq!(sample(" null\n").unwrap(), Sample::default());
}

#[test]
fn broken_text_becomes_replacement_characters() {
    for (document, rev) in [
        (r#"{"rev":"a\ud800b"}"#.as_bytes(), "a\u{fffd}b"),
        (r#"{"rev":"\udc00\ud83d\ude00"}"#.as_bytes(), "\u{fffd}😀"),
        (r#"{"rev":"\ud800\u0041"}"#.as_bytes(), "\u{fffd}A"),
        (r#"{"rev":"\ud800\ud800\udc00"}"#.as_bytes(), "\u{fffd}\u{10000}"),
        (b"{\"rev\":\"a\xff\xe2\x82b\"}", "a\u{fffd}\u{fffd}\u{fffd}b"),
        (r#"{"rev":"\u00e9\n\t\/\"\\\b\f\r"}"#.as_bytes(), "é\n\t/\"\\\u{8}\u{c}\r"),
    ] {
        assert_eq!(sample(document).unwrap().rev, rev);
    }
}

#[test]
fn integers_must_be_written_as_integers() {
    assert_eq!(sample(r#"{"timestamp":-0}"#).unwrap().timestamp, 0);
    let least = sample(r#"{"timestamp":-9223372036854775808}"#).unwrap();
    assert_eq!(least.timestamp, i64::MIN);
    for text in ["1.5", "390.0", "1e3", "9223372036854775808"] {
        assert_eq!(
            sample(format!(r#"{{"timestamp":{text}}}"#)).unwrap_err(),
            format!(
                "json: cannot unmarshal number {text} into Go struct field \
                 Sample.timestamp of type int64"
            )
        );
    }
    for text in ["-1", "-0", "18446744073709551616"] {
        assert!(sample(format!(r#"{{"memory":{text}}}"#)).is_err());
    }
    assert_eq!(sample(r#"{"x":1e999,"y":123456789012345678901234567890}"#).unwrap(), Sample::default());
}

#[test]
fn faults_have_the_texts_of_go() {
    for (document, text) in [
        ("", "unexpected end of JSON input"),
        ("  \n\t ", "unexpected end of JSON input"),
        (r#"{"rev":"a""#, "unexpected end of JSON input"),
        (r#"{"rev":"a"#, "unexpected end of JSON input"),
        (r#"{"rev":"a\"#, "unexpected end of JSON input"),
        (r#"{"x":[{"#, "unexpected end of JSON input"),
        ("nul", "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("\u{1f}", r"invalid character '\x1f' looking for beginning of value"),
        ("{}x", "invalid character 'x' after top-level value"),
        ("{}\0", r"invalid character '\x00' after top-level value"),
        ("1 2", "invalid character '2' after top-level value"),
        (r#"{"rev":"a",}"#, "invalid character '}' looking for beginning of object key string"),
        ("{'rev':1}", r"invalid character '\'' looking for beginning of object key string"),
        (r#"{"rev" "a"}"#, "invalid character '\"' after object key"),
        (r#"{"x":{"y" 1}}"#, "invalid character '1' after object key"),
        (r#"{"timestamp":01}"#, "invalid character '1' after object key:value pair"),
        (r#"{"x":[1 2]}"#, "invalid character '2' after array element"),
        (r#"{"x":[1}"#, "invalid character '}' after array element"),
        (r#"{"x":[,]}"#, "invalid character ',' looking for beginning of value"),
        ("{\"rev\":\"a\u{1}\"}", r"invalid character '\x01' in string literal"),
        ("{\"rev\":\"a\n\"}", r"invalid character '\n' in string literal"),
        (r#"{"rev":"\x"}"#, "invalid character 'x' in string escape code"),
        (r#"{"rev":"\u00g0"}"#, r"invalid character 'g' in \u hexadecimal character escape"),
        (r#"{"x":-x}"#, "invalid character 'x' in numeric literal"),
        (r#"{"x":1.}"#, "invalid character '}' after decimal point in numeric literal"),
        (r#"{"x":1e+}"#, "invalid character '}' in exponent of numeric literal"),
        ("trux", "invalid character 'x' in literal true (expecting 'e')"),
        ("nil", "invalid character 'i' in literal null (expecting 'u')"),
        ("é", "invalid character 'Ã' looking for beginning of value"),
        ("[]", "json: cannot unmarshal array into Go value of type web.Sample"),
        ("\"x\"", "json: cannot unmarshal string into Go value of type web.Sample"),
        ("12", "json: cannot unmarshal number into Go value of type web.Sample"),
        (r#"{"projectKey":5}"#, "json: cannot unmarshal number into Go struct field Sample.projectKey of type string"),
        (
            r#"{"rev":{"a":[1,{"b":null}]}}"#,
            "json: cannot unmarshal object into Go struct field Sample.rev of type string",
        ),
        (r#"{"reset":"true","rev":1}"#, "json: cannot unmarshal string into Go struct field Sample.reset of type bool"),
        (r#"{"reset":"true","rev":1"#, "unexpected end of JSON input"),
    ] {
        assert_eq!(sample(document).unwrap_err(), text, "{document:?}");
    }
}

#[test]
fn nesting_is_bounded_and_needs_no_stack() {
    let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(sample(nested(DEPTH_MAX - 1)).is_ok());
    assert_eq!(sample(nested(DEPTH_MAX)).unwrap_err(), "invalid character '[' exceeded max depth");
}

#[test]
fn unknown_members_of_every_shape_are_passed_over() {
    let document = r#" { "a":{} , "b":[ ] , "c":[{"d":[[],{}],"e":"\"]}"},-1.5e-3,true,null] ,
        "rev" : "r" , "f" : { "g" : { "rev" : "inner" } , "h" : 1 } } "#;
    assert_eq!(sample(document).unwrap().rev, "r");
}

#[test]
fn no_document_cut_or_changed_anywhere_panics() {
    let document = br#"{"rev":"\ud83d\ude00x","timestamp":-12,"a":[{"b":[1,2.5e1]},"c",null]}"#;
    for end in 0..document.len() {
        assert!(sample(&document[..end]).is_err());
        for byte in [0, b'"', b'\\', b'{', b'[', b']', b'}', b',', b':', b'-', 0xff, b'u'] {
            let mut changed = document.to_vec();
            changed[end] = byte;
            let ours = sample(&changed).is_ok();
            if str::from_utf8(&changed).is_ok() && !changed.windows(2).any(|two| two == b"\\u") {
                let theirs = serde_json::from_slice::<serde_json::Value>(&changed).is_ok();
                assert!(theirs || !ours, "{}", String::from_utf8_lossy(&changed));
            }
        }
    }
}

#[test]
fn text_is_written_as_go_writes_it() {
    let mut out = Vec::new();
    write_string(&mut out, "é<a>&\u{2028}\u{2029}\u{2030}\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\"é\\u003ca\\u003e\\u0026\\u2028\\u2029\u{2030}\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001f\u{7f}\""
    );
}
