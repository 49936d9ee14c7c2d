//! The first message of a session, read and written here without the code under test.

use serde_json::{Map, Value, json};

/// The types of a browser's first message and of a phone's.
const SESSION_START: u64 = 1;
const MOBILE_SESSION_START: u64 = 90;

/// The fields after the type, in order; true: a number.
const FIELDS: [(&str, bool); 16] = [
    ("Timestamp", true),
    ("ProjectID", true),
    ("TrackerVersion", false),
    ("RevID", false),
    ("UserUUID", false),
    ("UserAgent", false),
    ("UserOS", false),
    ("UserOSVersion", false),
    ("UserBrowser", false),
    ("UserBrowserVersion", false),
    ("UserDevice", false),
    ("UserDeviceType", false),
    ("UserDeviceMemorySize", true),
    ("UserDeviceHeapSize", true),
    ("UserCountry", false),
    ("UserID", false),
];

/// The same for a phone's.
const MOBILE_FIELDS: [(&str, bool); 10] = [
    ("Timestamp", true),
    ("ProjectID", true),
    ("TrackerVersion", false),
    ("RevID", false),
    ("UserUUID", false),
    ("UserOS", false),
    ("UserOSVersion", false),
    ("UserDevice", false),
    ("UserDeviceType", false),
    ("UserCountry", false),
];

fn fields(kind: u64) -> Option<&'static [(&'static str, bool)]> {
    match kind {
        SESSION_START => Some(&FIELDS),
        MOBILE_SESSION_START => Some(&MOBILE_FIELDS),
        _ => None,
    }
}

/// Reads one message that fills `bytes`, as the recordings show it: `type` and the named fields.
pub fn read(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let kind = uint(&mut rest)?;
    let mut message = Map::from_iter([("type".to_owned(), json!(kind))]);
    for &(name, is_number) in fields(kind)? {
        let number = uint(&mut rest)?;
        let value = if is_number {
            json!(number)
        } else {
            let (text, after) = rest.split_at_checked(usize::try_from(number).ok()?)?;
            rest = after;
            json!(String::from_utf8_lossy(text))
        };
        message.insert(name.to_owned(), value);
    }
    rest.is_empty().then_some(Value::Object(message))
}

/// Writes a message that [`read`] shows as `message`.
pub fn write(message: &Value) -> Vec<u8> {
    let kind = message["type"].as_u64().expect("a message has a type");
    let mut bytes = Vec::new();
    put_uint(&mut bytes, kind);
    for &(name, is_number) in fields(kind).expect("only such messages are read") {
        if is_number {
            put_uint(&mut bytes, message[name].as_u64().expect("a number"));
        } else {
            let text = message[name].as_str().expect("a text");
            put_uint(&mut bytes, text.len() as u64);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

fn uint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn put_uint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
