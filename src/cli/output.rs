//! Printing: buffered stdout, tables, human-readable numbers, and escaping of untrusted text.

use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::base::terminal::{harmless, is_hostile, write_json_escape};
pub use crate::base::units::{bytes, counted, length_ms, length_us, thousands};

use super::error::CliError;

/// Buffered output. [`finish`](Out::finish) reports errors that merely dropping it would hide.
pub struct Out {
    writer: BufWriter<Box<dyn Write>>,
    colours: bool,
}

impl Out {
    /// The process's stdout, locked.
    pub fn stdout() -> Out {
        let stdout = io::stdout().lock();
        let colours = colours_wanted(stdout.is_terminal());
        Out::new(Box::new(stdout), colours)
    }

    /// Output to a writer, with or without colours.
    pub fn new(writer: Box<dyn Write>, colours: bool) -> Out {
        Out { writer: BufWriter::with_capacity(64 * 1024, writer), colours }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes a value as one line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        write_json(&mut self.writer, value)?;
        self.bytes(b"\n")
    }

    /// Writes a value as JSON, without the end of the line.
    pub fn value(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        write_json(&mut self.writer, value)
    }

    /// Writes bytes unchanged.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.writer.write_all(bytes).map_err(CliError::Output)
    }

    /// Formats a text as a heading, if colours are on.
    pub fn bold(&self, text: &str) -> String {
        self.styled(text, "1")
    }

    /// Formats a text as an alarm, if colours are on.
    pub fn red(&self, text: &str) -> String {
        self.styled(text, "31")
    }

    fn styled(&self, text: &str, code: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Flushes now, for output that someone is watching.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.writer.flush().map_err(CliError::Output)
    }

    /// Flushes the buffer.
    pub fn finish(mut self) -> Result<(), CliError> {
        self.flush()
    }
}

/// Writes a value as JSON that is also harmless on a terminal.
pub fn write_json(writer: impl Write, value: &impl Serialize) -> Result<(), CliError> {
    let mut serializer = serde_json::Serializer::with_formatter(writer, HarmlessJson);
    value.serialize(&mut serializer).map_err(|error| CliError::Output(error.into()))
}

/// Compact JSON that escapes whatever could control a terminal; JSON readers see the same text. The serializer itself escapes nothing beyond
/// ASCII.
struct HarmlessJson;

impl serde_json::ser::Formatter for HarmlessJson {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if !fragment.contains(is_hostile) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut shown = String::with_capacity(fragment.len() + 16);
        for character in fragment.chars() {
            if is_hostile(character) {
                write_json_escape(character, &mut shown).map_err(io::Error::other)?;
            } else {
                shown.push(character);
            }
        }
        writer.write_all(shown.as_bytes())
    }
}

/// Colours are for terminals, and not for users who set NO_COLOR (no-color.org).
pub fn colours_wanted(terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints a remark on stderr. A closed stderr is no reason to stop.
pub fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "takeup: {}", harmless(text));
}

/// The alignment of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells, in columns as wide as their widest cell.
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(columns: &[(&'static str, Align)]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, one cell per column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Prints it.
    pub fn print(&self, out: &mut Out) -> Result<(), CliError> {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|i| {
                let cells = self.rows.iter().map(|row| row[i].chars().count());
                cells.chain([self.columns[i].0.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let heading = self.laid_out(self.columns.iter().map(|(name, _)| *name), &widths);
        out.line(&out.bold(&heading))?;
        for row in &self.rows {
            out.line(&self.laid_out(row.iter().map(String::as_str), &widths))?;
        }
        Ok(())
    }

    fn laid_out<'a>(&self, cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, &width), (_, align)) in cells.zip(widths).zip(&self.columns) {
            let _ = match align {
                Align::Left => write!(line, "{cell:<width$}  "),
                Align::Right => write!(line, "{cell:>width$}  "),
            };
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Makes a client's text fit for a terminal: characters that could move the cursor or change colours are escaped, and text longer than `max`
/// characters is cut.
pub fn plain(text: &str, max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max * 4));
    for (i, c) in text.chars().enumerate() {
        if i == max {
            shown.push('…');
            break;
        }
        if is_hostile(c) {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A point in time in UTC, to the second; `-` for none and for times that no calendar can represent.
pub fn time_us(us: u64) -> String {
    time(us, "%Y-%m-%d %H:%M:%SZ")
}

/// Like [`time_us`], to the millisecond.
pub fn exact_time_us(us: u64) -> String {
    time(us, "%Y-%m-%d %H:%M:%S%.3fZ")
}

fn time(us: u64, format: &str) -> String {
    let timestamp = i64::try_from(us).ok().filter(|&us| us != 0).and_then(|us| Timestamp::from_microsecond(us).ok());
    timestamp.map_or_else(|| "-".to_owned(), |time| time.strftime(format).to_string())
}
