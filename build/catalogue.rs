//! Turns the message catalogue (`src/tracker/messages.json`) into a Rust table, `OUT_DIR/catalogue.rs`.
//!
//! The table is indexed by message id, so that a lookup is one load, and it holds only what a reader of batches
//! needs: names, fields in wire order, who takes a message, and what differs between the two generations of the catalogue.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::Deserialize;

const SOURCE: &str = "src/tracker/messages.json";

/// Ids are one byte on the wire in everything that trackers send.
const IDS: usize = 128;

#[derive(Deserialize)]
struct Catalogue {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: usize,
    name: String,
    context: String,
    fields: Vec<Field>,
    pipeline: Option<String>,
    is_dom: bool,
    is_devtools: bool,
    in_seed: bool,
    in_main: bool,
    seed_diff: Option<SeedDiff>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct SeedDiff {
    name: Option<String>,
    fields: Option<Vec<Field>>,
}

/// Reads the catalogue and writes the table. Ends the build with a message that names the entry at fault.
pub fn generate() {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=build/catalogue.rs");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let text =
        fs::read(Path::new(&root).join(SOURCE)).unwrap_or_else(|error| panic!("{SOURCE}: cannot be read: {error}"));
    let catalogue: Catalogue =
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{SOURCE}: is not a catalogue: {error}"));
    let table = table(&catalogue);
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let path = Path::new(&out).join("catalogue.rs");
    File::create(&path)
        .and_then(|mut file| file.write_all(table.as_bytes()))
        .unwrap_or_else(|error| panic!("{}: cannot be written: {error}", path.display()));
}

fn table(catalogue: &Catalogue) -> String {
    let mut rows: Vec<Option<String>> = vec![None; IDS];
    for message in &catalogue.messages {
        let row = rows
            .get_mut(message.id)
            .unwrap_or_else(|| panic!("{SOURCE}: {}: id {} is not below {IDS}", message.name, message.id));
        assert!(row.is_none(), "{SOURCE}: id {} appears twice", message.id);
        *row = Some(spec(message));
    }
    let mut out = format!("static CATALOGUE: [Option<MessageSpec>; {IDS}] = [\n");
    for row in rows {
        match row {
            Some(row) => writeln!(out, "    Some({row}),"),
            None => writeln!(out, "    None,"),
        }
        .expect("writing into a String cannot fail");
    }
    out.push_str("];\n");
    out
}

fn spec(message: &Message) -> String {
    let (seed_name, seed_fields) = match &message.seed_diff {
        Some(diff) => (
            diff.name.as_ref().map(|name| format!("{name:?}")),
            diff.fields.as_ref().map(|list| fields(&message.name, list)),
        ),
        None => (None, None),
    };
    let mobile = match message.context.as_str() {
        "web" => false,
        "mobile" => true,
        other => panic!("{SOURCE}: {}: unknown context {other:?}", message.name),
    };
    let pipeline = message.pipeline.as_deref().map(|pipeline| match pipeline {
        "player" => "Pipeline::Player".to_owned(),
        "assets" => "Pipeline::Assets".to_owned(),
        "devtools" => "Pipeline::Devtools".to_owned(),
        "analytics" => "Pipeline::Analytics".to_owned(),
        other => panic!("{SOURCE}: {}: unknown pipeline {other:?}", message.name),
    });
    let player_file = match (message.is_dom, message.is_devtools) {
        (true, false) => "Some(PlayerFile::Dom)",
        (false, true) => "Some(PlayerFile::Devtools)",
        (false, false) => "None",
        (true, true) => panic!("{SOURCE}: {}: two files of the player have it", message.name),
    };
    format!(
        "MessageSpec {{ id: {}, name: {:?}, seed_name: {}, mobile: {mobile}, pipeline: {}, player_file: {player_file}, in_seed: {}, in_main: {}, \
         fields: {}, seed_fields: {} }}",
        message.id,
        message.name,
        option(seed_name),
        option(pipeline),
        message.in_seed,
        message.in_main,
        fields(&message.name, &message.fields),
        option(seed_fields),
    )
}

fn option(text: Option<String>) -> String {
    text.map_or_else(|| "None".to_owned(), |text| format!("Some({text})"))
}

fn fields(message: &str, list: &[Field]) -> String {
    let mut out = String::from("&[");
    for field in list {
        let kind = match field.kind.as_str() {
            "uint" => "Uint",
            "int" => "Int",
            "string" => "Str",
            "boolean" => "Bool",
            other => panic!("{SOURCE}: {message}.{}: unknown type {other:?}", field.name),
        };
        write!(out, "FieldSpec {{ name: {:?}, kind: FieldKind::{kind} }}, ", field.name)
            .expect("writing into a String cannot fail");
    }
    out.push(']');
    out
}
