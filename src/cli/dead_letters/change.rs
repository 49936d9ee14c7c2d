//! Changing the file of dead letters, and dropping some.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::courier::{DeadLetter, DeadLetters, Edit};
use crate::log::cursor::ConsumerName;

use super::super::error::CliError;
use super::super::output::{Out, counted};
use super::pick::{Content, Picked, Which, each};

/// What becomes of lines, by their contents. The same line may be there twice.
#[derive(Debug, Default)]
pub(super) struct Changes(HashMap<Content, Vec<Change>>);

/// What becomes of a line.
#[derive(Debug)]
pub(super) enum Change {
    Remove,
    Replace(Box<DeadLetter>),
}

impl Changes {
    pub(super) fn add(&mut self, content: Content, change: Change) {
        self.0.entry(content).or_default().push(change);
    }

    /// Applies them, under the file's lock. Returns how many lines were removed: some may have been changed meanwhile.
    pub(super) fn apply(mut self, data: &Path, courier: &ConsumerName) -> Result<u64, CliError> {
        let letters = DeadLetters::of(data, courier);
        let decide = |_, text: &[u8]| match self.0.get_mut(&Content::of(text)).and_then(Vec::pop) {
            None => Edit::Keep,
            Some(Change::Remove) => Edit::Remove,
            Some(Change::Replace(letter)) => Edit::Replace(letter),
        };
        let failed = |error| CliError::Other(format!("{}: {error}", letters.path().display()));
        letters.edit(decide).map_err(failed)
    }
}

/// A dropped dead letter, as `--json` shows it.
#[derive(Serialize)]
struct Dropped<'a> {
    line: u64,
    courier: &'a str,
    dropped: bool,
}

/// Drops dead letters, if `yes`.
pub(super) fn drop_lines(
    data: &Path,
    courier: &ConsumerName,
    lines: &[Which],
    yes: bool,
    json: bool,
    out: &mut Out,
) -> Result<(), CliError> {
    let (mut changes, mut numbers) = (Changes::default(), Vec::new());
    each(data, courier, &Picked::These(lines), |number, content, _| {
        changes.add(content, Change::Remove);
        numbers.push(number);
        true
    })?;
    if !yes {
        let count = counted(numbers.len() as u64, "dead letter");
        let text = format!("{count} of {courier} would be lost for good; nothing was dropped. To do it, add --yes");
        return Err(CliError::Other(text));
    }
    let (meant, removed) = (numbers.len() as u64, changes.apply(data, courier)?);
    if removed < meant {
        let text = format!(
            "{} of {courier} changed meanwhile, so {} dropped; `takeup dead-letters list {courier}` shows what is there",
            counted(meant - removed, "dead letter"),
            match removed {
                0 => "nothing was".to_owned(),
                1 => "only 1 was".to_owned(),
                _ => format!("only {removed} were"),
            }
        );
        return Err(CliError::Other(text));
    }
    if json {
        let dropped = |line: &u64| out.json(&Dropped { line: *line, courier: courier.as_str(), dropped: true });
        return numbers.iter().try_for_each(dropped);
    }
    out.line(&format!("{} of {courier} dropped", counted(numbers.len() as u64, "dead letter")))
}
