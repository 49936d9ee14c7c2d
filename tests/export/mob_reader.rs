//! A reader of the files that OpenReplay's own player takes, made from the description of the formats alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};

/// A message, as it stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Absent where a file has no indexes.
    pub index: Option<u64>,
    pub id: u64,
    pub fields: Value,
}

/// The messages by their ids: names, types of fields, and which file has them.
pub struct Catalogue(pub BTreeMap<u64, Value>);

impl Catalogue {
    pub fn new() -> Catalogue {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tracker/messages.json");
        let all: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
        let messages = all["messages"].as_array().expect("an array");
        Catalogue(messages.iter().map(|one| (one["id"].as_u64().expect("a number"), one.clone())).collect())
    }

    /// `true`, `"devtools"` or `false`: the catalogue's word for who shows it.
    pub fn shown(&self, id: u64) -> Value {
        self.0.get(&id).map_or(Value::Null, |one| one["flags"]["replayer"].clone())
    }

    fn fields(&self, id: u64, of_2024: bool) -> Vec<(String, String)> {
        let one = self.0.get(&id).unwrap_or_else(|| panic!("no message {id}"));
        let old = &one["seed_diff"]["fields"];
        let fields = if of_2024 && old.is_array() { old } else { &one["fields"] };
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        fields.as_array().expect("an array").iter().map(|field| (text(&field["name"]), text(&field["type"]))).collect()
    }
}

/// The bytes of a file, however it is compressed.
pub fn plain(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match bytes[..] {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::decode_all(&bytes[..]).expect("zstd"),
        [0x1f, 0x8b, 0x08, ..] => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).expect("gzip");
            plain
        }
        _ => panic!("{}: neither zstd nor gzip", path.display()),
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An index before each message.
    Indexed,
    /// Batches: messages with sizes.
    Batches,
    /// Messages without indexes.
    Bare,
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn uint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    fn field(&mut self, kind: &str) -> Value {
        match kind {
            "uint" => json!(self.uint()),
            "int" => {
                let value = self.uint();
                json!((value >> 1) as i64 ^ -((value & 1) as i64))
            }
            "boolean" => json!(self.take(1)[0] == 1),
            "string" => {
                let length = self.uint() as usize;
                json!(String::from_utf8_lossy(self.take(length)))
            }
            other => panic!("{other}"),
        }
    }
}

/// The messages of a file without its header.
pub fn messages(bytes: &[u8], form: Form, of_2024: bool, catalogue: &Catalogue) -> Vec<Read> {
    let mut bytes = Bytes(bytes);
    let mut all = Vec::new();
    while !bytes.0.is_empty() {
        let index = (form == Form::Indexed).then(|| u64::from_le_bytes(bytes.take(8).try_into().expect("8 bytes")));
        let id = bytes.uint();
        let end = (form == Form::Batches && id != 81).then(|| {
            let size = bytes.take(3);
            let size = usize::from(size[0]) | usize::from(size[1]) << 8 | usize::from(size[2]) << 16;
            bytes.0.len() - size
        });
        let mut fields = Map::new();
        for (name, kind) in catalogue.fields(id, of_2024) {
            fields.insert(name, bytes.field(&kind));
        }
        if let Some(end) = end {
            assert!(bytes.0.len() >= end, "message {id} is longer than its size");
            bytes.0 = &bytes.0[bytes.0.len() - end..];
        }
        all.push(Read { index, id, fields: Value::Object(fields) });
    }
    all
}
