//! Reading `takeup.toml`.

use std::io::{self, Read as _};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::watched_files::is_ended;

use super::error::ConfigError;

/// A setting in a file: its key, its value as text, and where it stands.
pub(super) struct Line {
    pub key: String,
    pub value: String,
    pub line: usize,
}

/// A settings file is a page or two; this bound keeps a wrong path from filling the memory.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The contents of a settings file.
pub(super) struct Read {
    /// The settings, in file order.
    pub lines: Vec<Line>,
    /// What is wrong with the other lines.
    pub faults: Vec<ConfigError>,
    /// The last line, if it lacks a line break: it may still be being written.
    pub unended: Option<usize>,
}

/// Reads a settings file. An error means that it can't be read at all.
pub(super) fn read(path: &Path) -> Result<Read, ConfigError> {
    let bytes = read_bounded(path, FILE_BYTES_MAX)?;
    let text = String::from_utf8(bytes).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: line_of(error.as_bytes(), error.utf8_error().valid_up_to()),
        message: "this is not UTF-8".to_owned(),
    })?;
    let (lines, faults) = parse(path, &text);
    let unended = (!is_ended(text.as_bytes())).then(|| line_of(text.as_bytes(), text.len()));
    Ok(Read { lines, faults, unended })
}

fn parse(path: &Path, text: &str) -> (Vec<Line>, Vec<ConfigError>) {
    let mut faults: Vec<(usize, String)> = Vec::new();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = line_of(text.as_bytes(), error.span().map_or(0, |span| span.start));
        // The first fault of a line carries the line's other faults.
        if faults.iter().all(|(known, _)| *known != line) {
            faults.push((line, error.message().replace('\n', ", ")));
        }
    }
    let mut lines = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_of(text.as_bytes(), key.span().start);
        if faults.iter().any(|(known, _)| *known == line) {
            continue;
        }
        let name = key.get_ref();
        let value = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(switch) => switch.to_string(),
            DeValue::Table(_) => {
                faults.push((line, format!("[{name}]: this file has no tables, only lines `key = value`")));
                continue;
            }
            other => {
                let found = other.type_str();
                faults.push((line, format!("{name}: expected a text, a number or a switch, found {found}")));
                continue;
            }
        };
        lines.push(Line { key: name.to_string(), value, line });
    }
    lines.sort_by_key(|line| line.line);
    faults.sort_by_key(|(line, _)| *line);
    let syntax = |(line, message)| ConfigError::Syntax { path: path.to_owned(), line, message };
    (lines, faults.into_iter().map(syntax).collect())
}

/// The number, from 1, of the line at a byte offset.
fn line_of(text: &[u8], at: usize) -> usize {
    1 + text[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

/// The bytes of a file, which may not be larger than `limit`.
pub(super) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, ConfigError> {
    let io = |doing: &'static str| move |source: io::Error| ConfigError::Io { path: path.to_owned(), doing, source };
    let mut bytes = Vec::new();
    let file = crate::watched_files::open(path).map_err(io("opening it"))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io("reading it"))?;
    if bytes.len() as u64 > limit {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}
