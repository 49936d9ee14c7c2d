//! A batch whose bytes are spelled out.

pub(in crate::tracker) fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Meta v1 page 2 first 5, Timestamp, TabData `tab1`, MouseMove 300,5.
pub(in crate::tracker) const WEB_BATCH: &str =
    "51010205a0ddeaccc7630e68747470733a2f2f652e636f6d2f00060000d0aeb5e6e33176050000047461623114030000ac0205";
