use crate::tracker::batch::read_batch;
use crate::tracker::catalogue::Era;
use crate::tracker::tests::known::{WEB_BATCH, hex};

fn lines(bytes: &[u8]) -> Vec<String> {
    read_batch(bytes, Era::Main).map(|message| message.unwrap().to_string()).collect()
}

fn json(bytes: &[u8]) -> Vec<String> {
    read_batch(bytes, Era::Main)
        .map(|message| {
            let mut out = String::new();
            message.unwrap().write_json(&mut out);
            out
        })
        .collect()
}

#[test]
fn lines_are_readable() {
    assert_eq!(
        lines(&hex(WEB_BATCH)),
        [
            r#"2024-03-14T11:51:14.000Z 2:5 BatchMetadata Version=1 PageNo=2 FirstIndex=5 Timestamp=1710417074000 Location="https://e.com/""#,
            "2024-03-14T11:51:14.000Z 2:6 Timestamp Timestamp=1710417074000",
            r#"2024-03-14T11:51:14.000Z 2:7 TabData TabId="tab1""#,
            "2024-03-14T11:51:14.000Z 2:8 MouseMove X=300 Y=5",
        ]
    );
}

#[test]
fn json_names_are_stable() {
    assert_eq!(
        json(&hex(WEB_BATCH))[2..],
        [
            r#"{"index":8589934599,"timestamp_ms":1710417074000,"id":118,"name":"TabData","fields":{"TabId":"tab1"}}"#,
            r#"{"index":8589934600,"timestamp_ms":1710417074000,"id":20,"name":"MouseMove","fields":{"X":300,"Y":5}}"#,
        ]
    );
}

#[test]
fn what_the_catalogue_does_not_know_is_shown_as_that() {
    let bytes = hex("51010205a0ddeaccc7630002020000aabb14040000ac02050914020000ac82");
    let lines = lines(&bytes);
    assert!(lines[1].ends_with(" Unknown(2) 2 bytes: aa bb"), "{}", lines[1]);
    assert!(lines[2].ends_with(" X=300 Y=5 (and 1 bytes that the catalogue does not know)"), "{}", lines[2]);
    assert!(lines[3].ends_with(" MouseMove (broken: at byte 29: the batch ends inside a message)"), "{}", lines[3]);
    let json = json(&bytes);
    assert!(json[1].ends_with(r#""id":2,"name":"Unknown","fields":{},"bytes":"qrs="}"#), "{}", json[1]);
    assert!(json[2].ends_with(r#""fields":{"X":300,"Y":5},"extra_bytes":1}"#), "{}", json[2]);
    assert!(
        json[3].ends_with(r#""fault":"at byte 29: the batch ends inside a message","bytes":"rII="}"#),
        "{}",
        json[3]
    );
}

#[test]
fn strings_cannot_drive_a_terminal_or_break_json() {
    // TabData with: quote, backslash, ESC, newline, U+202E, U+009B, a byte that is not UTF-8.
    let text = b"\"\\\x1b\n\xe2\x80\xae\xc2\x9b\xff";
    let mut bytes = hex("51010205a0ddeaccc76300");
    bytes.extend([118, text.len() as u8 + 1, 0, 0, text.len() as u8]);
    bytes.extend(text);
    let line = lines(&bytes).pop().unwrap();
    assert!(line.ends_with("TabId=\"\\\"\\\\\\u{1b}\\n\\u{202e}\\u{9b}\u{fffd}\""), "{line}");
    let json = json(&bytes).pop().unwrap();
    assert!(!json.contains(crate::base::terminal::is_hostile), "{json:?}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["fields"]["TabId"], "\"\\\x1b\n\u{202e}\u{9b}\u{fffd}");
}

#[test]
fn long_strings_are_cut_in_lines_and_whole_in_json() {
    let text = "ä".repeat(500);
    let mut bytes = hex("51010205a0ddeaccc76300");
    bytes.extend([118, 0xea, 0x03, 0, 0xe8, 0x07]);
    bytes.extend(text.as_bytes());
    let line = lines(&bytes).pop().unwrap();
    assert!(line.ends_with("ä\"+800 bytes"), "{line}");
    assert!(json(&bytes).pop().unwrap().contains(&text));
}

#[test]
fn times_beyond_the_calendar_are_shown_as_numbers() {
    let bytes = hex("00ffffffffffffffffff01");
    assert!(lines(&bytes)[0].starts_with("9223372036854775807ms "));
}
