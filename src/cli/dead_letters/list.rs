//! Lists dead letters.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::Serialize;

use crate::courier::{DEAD_LETTERS_DIR_NAME, DeadLetter, DeadLetters};
use crate::log::cursor::ConsumerName;

use super::super::error::CliError;
use super::super::output::{Align, Out, Table, bytes, plain, time_us};

/// The most lines in a table, whose widths must be known before it is printed. `--json` has no limit.
const TABLE_LINES_MAX: usize = 10_000;

const ERROR_CHARACTERS_MAX: usize = 120;

/// A dead letter, as `--json` shows it. A line that can't be read has a `fault`, and nothing else is known of it.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) line: u64,
    pub(super) courier: String,
    pub(super) time_ms: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) session_id: Option<String>,
    pub(super) project_id: Option<u32>,
    pub(super) kind: Option<String>,
    pub(super) bytes: Option<usize>,
    pub(super) trouble: Option<&'static str>,
    pub(super) code: Option<String>,
    pub(super) error: Option<String>,
    pub(super) fault: Option<String>,
}

impl Line {
    pub(super) fn of(courier: &ConsumerName, line: u64, letter: &Result<DeadLetter, String>) -> Line {
        let courier = courier.to_string();
        let letter = match letter {
            Ok(letter) => letter,
            Err(fault) => {
                return Line {
                    line,
                    courier,
                    time_ms: None,
                    id: None,
                    session_id: None,
                    project_id: None,
                    kind: None,
                    bytes: None,
                    trouble: None,
                    code: None,
                    error: None,
                    fault: Some(fault.clone()),
                };
            }
        };
        let record = letter.record.record();
        Line {
            line,
            courier,
            time_ms: Some(letter.time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)),
            id: Some(record.id.to_string()),
            session_id: Some(record.session.to_string()),
            project_id: Some(record.project),
            kind: Some(record.kind.to_string()),
            bytes: Some(record.payload.len()),
            trouble: Some(letter.cause.trouble.as_str()),
            code: Some(letter.cause.code.to_string()),
            error: Some(letter.cause.text.clone()),
            fault: None,
        }
    }
}

/// Lists those of one courier, or of all.
pub(super) fn list(data: &Path, courier: Option<&ConsumerName>, json: bool, out: &mut Out) -> Result<(), CliError> {
    let all = match courier {
        Some(courier) => vec![DeadLetters::of(data, courier)],
        None => {
            let dir = data.join(DEAD_LETTERS_DIR_NAME);
            DeadLetters::all(data).map_err(|error| CliError::Other(format!("{}: {error}", dir.display())))?
        }
    };
    let (mut table, mut faults, mut shown) = (heading(), Vec::new(), 0);
    let (mut has_more, mut failed) = (false, None);
    for letters in all {
        let each = |number, _: &[u8], letter: Result<DeadLetter, String>| {
            let line = Line::of(letters.courier(), number, &letter);
            if json {
                failed = out.json(&line).err();
                return failed.is_none();
            }
            if shown == TABLE_LINES_MAX {
                has_more = true;
                return false;
            }
            shown += 1;
            if let Some(fault) = &line.fault {
                faults.push(format!("{} line {number} can't be read: {fault}", line.courier));
            }
            table.row(cells(&line));
            true
        };
        letters.read(each).map_err(|error| CliError::Other(format!("{}: {error}", letters.path().display())))?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    if json {
        return Ok(());
    }
    if shown == 0 {
        return out.line("no dead letters: every record that was tried has been delivered");
    }
    table.print(out)?;
    faults.iter().try_for_each(|fault| out.line(&out.red(&plain(fault, 300))))?;
    if has_more {
        out.line(&format!("and more than these {TABLE_LINES_MAX}: --json lists all"))?;
    }
    Ok(())
}

fn heading() -> Table {
    use Align::{Left, Right};
    Table::new(&[
        ("LINE", Right),
        ("TIME", Left),
        ("COURIER", Left),
        ("RECORD", Left),
        ("SESSION", Right),
        ("KIND", Left),
        ("BYTES", Right),
        ("TROUBLE", Left),
        ("CODE", Left),
        ("ERROR", Left),
    ])
}

fn cells(line: &Line) -> Vec<String> {
    let or_dash = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    vec![
        line.line.to_string(),
        time_us(line.time_ms.unwrap_or(0).saturating_mul(1000)),
        plain(&line.courier, 64),
        or_dash(line.id.clone()),
        or_dash(line.session_id.clone()),
        or_dash(line.kind.clone()),
        or_dash(line.bytes.map(|count| bytes(count as u64))),
        or_dash(line.trouble.map(str::to_owned)),
        or_dash(line.code.as_deref().map(|code| plain(code, 24))),
        or_dash(line.error.as_deref().map(|error| plain(error, ERROR_CHARACTERS_MAX))),
    ]
}
