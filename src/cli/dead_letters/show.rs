//! Shows one dead letter.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::courier::DeadLetter;
use crate::log::cursor::ConsumerName;

use super::super::error::CliError;
use super::super::output::{Out, counted, exact_time_us, plain, time_us};
use super::list::Line;
use super::pick::{Picked, Which, each};

/// The bytes of the payload that are shown.
const SHOWN_BYTES: usize = 256;
const ROW_BYTES: usize = 16;

/// All of a dead letter, as `--json` shows it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    line: Line,
    received_us: u64,
    topic: String,
    data_type: String,
    encoding: String,
    split: Option<u32>,
    page: Option<u32>,
    number: Option<u32>,
    flags: u16,
    payload_begin_hex: String,
}

/// Shows the first that is meant, and writes its payload to a file if that is asked for.
pub(super) fn show(
    data: &Path,
    courier: &ConsumerName,
    which: &Which,
    payload: Option<&Path>,
    json: bool,
    out: &mut Out,
) -> Result<(), CliError> {
    let mut found = None;
    each(data, courier, &Picked::These(std::slice::from_ref(which)), |number, _, letter| {
        found = Some((number, letter));
        false
    })?;
    let gone = || CliError::Other(format!("{courier}: it was removed just now"));
    let (number, letter) = found.ok_or_else(gone)?;
    let line = Line::of(courier, number, &letter);
    let letter = letter.map_err(|fault| CliError::Other(format!("{courier} line {number} can't be read: {fault}")))?;
    match json {
        true => out.json(&whole(line, &letter))?,
        false => print(&line, &letter, out)?,
    }
    let Some(path) = payload else { return Ok(()) };
    let failed = |error| CliError::Other(format!("{}: {error}", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(letter.record.record().payload).map_err(failed)?;
    match json {
        true => Ok(()),
        false => out.line(&format!("the payload is in {}", path.display())),
    }
}

fn whole(line: Line, letter: &DeadLetter) -> Whole {
    let record = letter.record.record();
    Whole {
        line,
        received_us: record.order_us,
        topic: record.topic.to_string(),
        data_type: record.data_type.to_string(),
        encoding: record.encoding.to_string(),
        split: (record.split != 0).then_some(record.split),
        page: record.label.map(|label| label.page),
        number: record.label.map(|label| label.number),
        flags: record.flags.0,
        payload_begin_hex: hex(&record.payload[..record.payload.len().min(SHOWN_BYTES)]),
    }
}

fn print(line: &Line, letter: &DeadLetter, out: &mut Out) -> Result<(), CliError> {
    let record = letter.record.record();
    let label = record.label.map_or_else(|| "-".to_owned(), |label| format!("{}:{}", label.page, label.number));
    let fields = [
        ("courier", line.courier.clone()),
        ("line", line.line.to_string()),
        ("refused", time_us(line.time_ms.unwrap_or(0).saturating_mul(1000))),
        ("trouble", letter.cause.trouble.as_str().to_owned()),
        ("code", letter.cause.code.to_string()),
        ("error", letter.cause.text.clone()),
        ("record", record.id.to_string()),
        ("received", exact_time_us(record.order_us)),
        ("session", record.session.to_string()),
        ("project", record.project.to_string()),
        ("kind", record.kind.to_string()),
        ("topic", record.topic.to_string()),
        ("type", record.data_type.to_string()),
        ("encoding", record.encoding.to_string()),
        ("label", label),
        ("payload", counted(record.payload.len() as u64, "byte")),
    ];
    for (name, value) in fields {
        let value = if value.is_empty() { "-".to_owned() } else { plain(&value, 2000) };
        out.line(&format!("{name:<9} {value}"))?;
    }
    let shown = &record.payload[..record.payload.len().min(SHOWN_BYTES)];
    for (row, bytes) in shown.chunks(ROW_BYTES).enumerate() {
        let text: String =
            bytes.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { byte as char } else { '.' }).collect();
        out.line(&format!("{:08x}  {:<47}  {text}", row * ROW_BYTES, spaced(bytes)))?;
    }
    if record.payload.len() > SHOWN_BYTES {
        out.line("the rest: --payload FILE")?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn spaced(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
