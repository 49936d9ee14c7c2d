use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::codec::json::document::{JsonScratch, read, read_plainly};
use crate::codec::json::reader::DEPTH_MAX;
use crate::codec::json::{Mismatch, set_bool, set_integer, set_text};

use super::*;

/// A document with the fields of a start, in every type that a field may have.
#[derive(Debug, Default, PartialEq)]
struct Document {
    texts: [String; TEXTS.len()],
    truths: [bool; TRUTHS.len()],
    signed: [i64; SIGNED.len()],
    unsigned: [u64; UNSIGNED.len()],
    has_project_key: bool,
}

const TEXTS: [&str; 8] =
    ["token", "userUUID", "revID", "timezone", "trackerVersion", "projectKey", "userID", "condition"];
const TRUTHS: [&str; 4] = ["isSnippet", "reset", "doNotRecord", "isOffline"];
const SIGNED: [&str; 3] = ["timestamp", "width", "height"];
const UNSIGNED: [&str; 3] = ["deviceMemory", "jsHeapSizeLimit", "bufferDiff"];

impl Fields for Document {
    const TYPE: &'static str = "StartSessionRequest";

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        let place = |names: &[&str]| names.iter().position(|name| name.eq_ignore_ascii_case(key));
        if key == "projectkey" {
            self.has_project_key = value != Value::Null;
        }
        if let Some(at) = place(&TEXTS) {
            // A null removes the value of an earlier member with this name.
            if key == "useruuid" && value == Value::Null {
                self.texts[at].clear();
            }
            return set_text(&mut self.texts[at], value, TEXTS[at]);
        }
        if let Some(at) = place(&TRUTHS) {
            return set_bool(&mut self.truths[at], value, TRUTHS[at]);
        }
        if let Some(at) = place(&SIGNED) {
            return set_integer(&mut self.signed[at], value, SIGNED[at], "int64");
        }
        match place(&UNSIGNED) {
            Some(at) => set_integer(&mut self.unsigned[at], value, UNSIGNED[at], "uint64"),
            None => Ok(()),
        }
    }
}

const START: &str = r#"{"userUUID":"5f39d505-6485-46f3-ae4f-54c46040a922","projectKey":"TkuPrjKey0123456abcd",
"revID":"shop-2.4.1","trackerVersion":"18.0.7-beta.1","isSnippet":false,"timestamp":1795570709346,"doNotRecord":false,
"bufferDiff":0,"userID":"J\u00fcrgen \ud83d\ude00 \"Jo\"","token":"vav3jfodwa2p.3.mwvkq1z2.FakdHQMUg9s4mtBRG",
"deviceMemory":16384,"jsHeapSizeLimit":4395630592,"timezone":"UTC+02:00","assistOnly":false,"width":-1280,
"height":800,"referrer":"http://shop.example/ö","condition":null,"more":{"a":[1,2.5,{"b":null}],"c":{}}}"#;

/// Both paths together must give the same result as the full reader alone.
fn assert_same(document: &[u8], scratch: &mut JsonScratch) {
    let (mut ours, mut judged) = (Document::default(), Document::default());
    let outcome = read(document, &mut ours, scratch);
    let verdict = read_plainly(document, &mut judged, &mut JsonScratch::default());
    assert_eq!((outcome, ours), (verdict, judged), "{}", String::from_utf8_lossy(document));
}

fn takes_the_fast_path(document: impl AsRef<[u8]>) -> bool {
    Fast::default().read(document.as_ref(), &mut Document::default())
}

#[test]
fn a_plain_document_takes_the_fast_path() {
    let inner = format!("{{\"x\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    for plain in [
        START,
        "{}",
        " {\t}\r\n",
        r#"{"token":"a","TOKEN":"b","to\u212aen":"c","token":null}"#,
        r#"{"timestamp":-9223372036854775808,"deviceMemory":18446744073709551615,"width":0}"#,
        r#"{"x":[1.5,-0,1e300]}"#,
        inner.as_str(),
    ] {
        assert!(takes_the_fast_path(plain), "{plain}");
        assert_same(plain.as_bytes(), &mut JsonScratch::default());
    }
}

#[test]
fn what_is_in_doubt_is_left_to_the_full_reader() {
    let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let long = format!("{{\"x\":\"{}\"}}", "a".repeat(BYTES_MAX));
    for doubtful in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"{}{}",
        br#"{"token":"\ud800"}"#,
        b"{\"token\":\"\xff\"}",
        br#"{"token":5}"#,
        br#"{"isOffline":"true"}"#,
        br#"{"timestamp":1.0}"#,
        br#"{"timestamp":-0}"#,
        br#"{"deviceMemory":-1}"#,
        br#"{"timestamp":9223372036854775808}"#,
        br#"{"x":18446744073709551616}"#,
        br#"{"x":[1e999]}"#,
        nested(2_000).as_bytes(),
        nested(DEPTH_MAX - 1).as_bytes(),
        nested(DEPTH_MAX).as_bytes(),
        long.as_bytes(),
    ] {
        assert!(!takes_the_fast_path(doubtful), "{}", String::from_utf8_lossy(doubtful));
        assert_same(doubtful, &mut JsonScratch::default());
    }
}

#[test]
fn buffers_are_kept_from_document_to_document() {
    let mut fast = Fast::default();
    let mut request = Document::default();
    let addresses = |fast: &Fast| {
        (
            fast.document.as_ptr(),
            fast.tape.0.as_ptr(),
            fast.tape.0.capacity(),
            fast.buffers.structural_indexes().as_ptr(),
        )
    };
    assert!(fast.read(START.as_bytes(), &mut request));
    let first = addresses(&fast);
    for document in [START, "{}", "{\"", "[[[[", r#"{"token":5}"#, &"[".repeat(BYTES_MAX + 1), START] {
        fast.read(document.as_bytes(), &mut request);
        assert_eq!(addresses(&fast), first, "{document}");
    }
}

#[test]
fn any_byte_in_any_place_is_judged_as_the_reader_judges_it() {
    let document = br#"{"userID":"\u00e9\n" , "width":-12,"x":[1.5e3,true,{"y":null}],"reset":false}"#;
    let mut scratch = JsonScratch::default();
    for at in 0..=document.len() {
        assert_same(&document[..at], &mut scratch);
        for byte in 0..=255 {
            let mut grown = document.to_vec();
            grown.insert(at, byte);
            assert_same(&grown, &mut scratch);
            grown.remove(at);
            if let Some(place) = grown.get_mut(at) {
                *place = byte;
                assert_same(&grown, &mut scratch);
            }
        }
    }
}

#[test]
fn where_a_document_lies_does_not_matter() {
    let mut scratch = JsonScratch::default();
    for shift in 0..=64 {
        let shifted = format!("{}{START}", " ".repeat(shift));
        assert_same(shifted.as_bytes(), &mut scratch);
        for end in shifted.len() - 70..shifted.len() {
            assert_same(&shifted.as_bytes()[..end], &mut scratch);
        }
        let stretched = START.replace("\\u00fc", &format!("{}\\\\\\\"\\ud83d\\ude00", "x".repeat(shift)));
        assert_same(stretched.as_bytes(), &mut scratch);
    }
}

/// Pieces of JSON that mutations insert at random places.
const TELLING: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\\"",
    b"\\\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"0",
    b".5",
    b"e9",
    b" ",
    b"\n",
    b"\0",
    b"\x0c",
    b"\x7f",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc3",
    b"\\u",
    b"\\ud800",
    b"\\udc00",
    b"null",
    b"true",
    b"/*",
    b"\xef\xbb\xbf",
    b"\"token\":\"b\",",
    b"18446744073709551616",
];

/// A field's name with a key that folds to it, or a key that belongs to no field.
fn named_key() -> impl Strategy<Value = (&'static str, Vec<u8>)> + Clone {
    let known = select(vec![
        "token",
        "userUUID",
        "revID",
        "timestamp",
        "timezone",
        "trackerVersion",
        "isSnippet",
        "deviceMemory",
        "jsHeapSizeLimit",
        "projectKey",
        "reset",
        "userID",
        "doNotRecord",
        "bufferDiff",
        "isOffline",
        "condition",
        "width",
        "height",
    ]);
    let folded = (known, 0..8).prop_map(|(name, how)| {
        let key = match how {
            0 => name.to_uppercase(),
            1 => name.to_lowercase(),
            2 => name.replace(['k', 'K'], "\u{212a}").replace(['s', 'S'], "ſ"),
            3 => name.replace(['k', 'K'], "\\u212A").replace(['s', 'S'], "\\u017f"),
            4 => format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]),
            _ => name.to_owned(),
        };
        (name, key.into_bytes())
    });
    let unknown = vec![
        "",
        "é",
        "tokenx",
        "to",
        "to\\u0000ken",
        "token\\ud800",
        "ﬁ",
        "a\\\"b",
        "averyveryverylongnamebeyond32bytes",
    ];
    let unknown = select(unknown).prop_map(|key| ("", key.as_bytes().to_vec()));
    prop_oneof![8 => folded, 1 => unknown]
}

fn key() -> impl Strategy<Value = Vec<u8>> + Clone {
    named_key().prop_map(|(_, key)| key)
}

fn text() -> impl Strategy<Value = Vec<u8>> + Clone {
    let pieces: Vec<&[u8]> = vec![
        b"a",
        b"6.0.0",
        b"plain text of some length, ",
        "é😀".as_bytes(),
        br"\n\t\/\b\f\r",
        b"\\\\",
        b"\\\"",
        br"\u0000",
        br"\u00e9",
        br"\ud83d\ude00",
    ];
    let broken: Vec<&[u8]> = vec![
        br"\ud800",
        br"\udc00x",
        br"\ud800\u0041",
        b"\xff",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\n",
        b"\x01",
        br"\x",
        br"\u12",
    ];
    let piece = prop_oneof![100 => select(pieces), 1 => select(broken)];
    vec(piece, 0..12).prop_map(|pieces| [b"\"", pieces.concat().as_slice(), b"\""].concat())
}

fn scalar() -> impl Strategy<Value = Vec<u8>> {
    let odd = vec![
        "-0",
        "0",
        "00",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1.5",
        "390.0",
        "1e3",
        "1E+2",
        "1e999",
        "-0.0",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "nul",
        "True",
        "NaN",
    ];
    prop_oneof![
        2 => Just(b"null".to_vec()),
        1 => any::<bool>().prop_map(|truth| truth.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => any::<u64>().prop_map(|number| number.to_string().into_bytes()),
        1 => any::<f64>().prop_map(|number| number.to_string().into_bytes()),
        1 => select(odd).prop_map(|number| number.as_bytes().to_vec()),
        6 => text(),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let nested = scalar().prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|elements| [b"[", elements.join(&b","[..]).as_slice(), b"]"].concat()),
            vec((key(), inner), 0..4).prop_map(|members| object(&members)),
        ]
    });
    let deep = select(vec![100, 1_021, 1_022, 1_023, 1_024, 1_025, DEPTH_MAX - 1, DEPTH_MAX])
        .prop_map(|depth| [b"[".repeat(depth), b"]".repeat(depth)].concat());
    prop_oneof![100 => scalar(), 10 => nested, 1 => deep]
}

fn object(members: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let members: Vec<_> = members.iter().map(|(key, value)| [b"\"".as_slice(), key, b"\": ", value].concat()).collect();
    [b"{", members.join(&b",\n"[..]).as_slice(), b"}"].concat()
}

/// A member with a value that its field accepts.
fn fitting((name, key): (&str, Vec<u8>), text: Vec<u8>, number: u32) -> (Vec<u8>, Vec<u8>) {
    let value = match name {
        "timestamp" | "width" | "height" | "deviceMemory" | "jsHeapSizeLimit" | "bufferDiff" => {
            number.to_string().into_bytes()
        }
        "isSnippet" | "reset" | "doNotRecord" | "isOffline" => number.is_multiple_of(2).to_string().into_bytes(),
        _ => text,
    };
    (key, value)
}

fn document() -> impl Strategy<Value = Vec<u8>> {
    let member = (named_key(), text(), any::<u32>()).prop_map(|(key, text, number)| fitting(key, text, number));
    let plain = vec(member.clone(), 0..20).prop_map(|members| object(&members));
    let mixed = vec(prop_oneof![9 => member, 1 => (key(), value())], 0..20).prop_map(|members| object(&members));
    let whole = prop_oneof![20 => plain, 20 => mixed, 1 => value()];
    let mutation = (any::<Index>(), select(TELLING), 0..8_usize);
    let mutations = prop_oneof![Just(Vec::new()), vec(mutation, 1..4)];
    (whole, mutations).prop_map(|(mut document, mutations)| {
        for (place, piece, removed) in mutations {
            let from = place.index(document.len() + 1);
            let to = document.len().min(from + removed.saturating_sub(4));
            document.splice(from..to, piece.iter().copied());
        }
        document
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn every_document_is_read_as_the_reader_alone_reads_it(documents in vec(document(), 1..4)) {
        let mut scratch = JsonScratch::default();
        for document in documents {
            assert_same(&document, &mut scratch);
        }
    }
}
