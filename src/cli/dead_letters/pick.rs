//! Which dead letters are meant.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::str::FromStr;

use crate::courier::{DeadLetter, DeadLetters};
use crate::log::cursor::ConsumerName;
use crate::log::format::record::RecordId;

use super::super::error::CliError;

/// How a dead letter is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// By its line in the list.
    Line(u64),
    /// By its record. After a crash there may be two.
    Record(RecordId),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Which::Line(number));
        }
        let expected = "expected the number of a line, or the id of a record";
        text.parse().map(Which::Record).map_err(|_| expected.to_owned())
    }
}

impl Which {
    fn is(&self, number: u64, letter: Option<&DeadLetter>) -> bool {
        match self {
            Which::Line(line) => *line == number,
            Which::Record(id) => letter.is_some_and(|letter| letter.record.record().id == *id),
        }
    }
}

/// What a line says, in short: tells it from all others, whatever number it has by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Content(u64, usize);

impl Content {
    pub(super) fn of(text: &[u8]) -> Content {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Content(hasher.finish(), text.len())
    }
}

/// Dead letters that are meant.
pub(super) enum Picked<'a> {
    All,
    These(&'a [Which]),
}

impl Picked<'_> {
    fn has(&self, number: u64, letter: Option<&DeadLetter>) -> bool {
        match self {
            Picked::All => true,
            Picked::These(these) => these.iter().any(|which| which.is(number, letter)),
        }
    }
}

/// Calls `each` with the number and contents of every line that is meant, until it returns false. A line that can't be read is an error text.
/// If something is named that is not there, nothing is done.
pub(super) fn each(
    data: &Path,
    courier: &ConsumerName,
    picked: &Picked<'_>,
    mut each: impl FnMut(u64, Content, Result<DeadLetter, String>) -> bool,
) -> Result<(), CliError> {
    let letters = DeadLetters::of(data, courier);
    let unreadable = |error| CliError::Other(format!("{}: {error}", letters.path().display()));
    if let Picked::These(these) = picked {
        let mut missing: Vec<&Which> = these.iter().collect();
        let look = |number: u64, _: &[u8], line: Result<DeadLetter, String>| {
            missing.retain(|which| !which.is(number, line.as_ref().ok()));
            !missing.is_empty()
        };
        letters.read(look).map_err(unreadable)?;
        if let Some(which) = missing.first() {
            let what = match which {
                Which::Line(line) => format!("line {line}"),
                Which::Record(id) => format!("record {id}"),
            };
            let text =
                format!("{courier} has no dead letter with {what}; `takeup dead-letters list {courier}` lists them");
            return Err(CliError::Other(text));
        }
    }
    let look = |number, text: &[u8], line: Result<DeadLetter, String>| {
        !picked.has(number, line.as_ref().ok()) || each(number, Content::of(text), line)
    };
    letters.read(look).map_err(unreadable)
}
