//! Erases from dead letters, and from the lists of broken batches.

use std::path::Path;

use serde::Deserialize;

use crate::checker::broken_list;
use crate::courier::{DeadLetters, Edit};

use super::error::EraseError;
use super::receipt::{Findings, NotReached, PlaceReport};
use super::targets::Targets;

/// What tells whose a line is. Both lists have it.
#[derive(Deserialize)]
struct Owner {
    session_id: String,
    project_id: u32,
}

/// Whose a line is.
enum Line {
    Wanted,
    Other,
    Unreadable,
}

fn line_of(text: &[u8], targets: &Targets) -> Line {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Line::Other;
    }
    let Ok(owner) = serde_json::from_slice::<Owner>(text) else { return Line::Unreadable };
    let Ok(session) = owner.session_id.parse() else { return Line::Unreadable };
    if targets.want(session, owner.project_id) { Line::Wanted } else { Line::Other }
}

/// Erases from the dead letters of all couriers.
///
/// # Errors
/// A file can't be read or replaced.
pub fn erase_dead_letters(
    data: &Path,
    targets: &Targets,
    dry_run: bool,
    findings: &mut Findings,
) -> Result<(), EraseError> {
    const PLACE: &str = "dead-letters";
    let mut place = PlaceReport::new(PLACE);
    for letters in DeadLetters::all(data).map_err(EraseError::io(data, "list the dead letters"))? {
        let failed = || EraseError::io(letters.path(), "erase dead letters");
        let (mut records, mut bytes, mut unreadable) = (0, 0, 0);
        let mut count = |text: &[u8]| match line_of(text, targets) {
            Line::Wanted => {
                records += 1;
                bytes += text.len() as u64 + 1;
                true
            }
            Line::Other => false,
            Line::Unreadable => {
                unreadable += 1;
                false
            }
        };
        // Found first: a file without any is not written anew.
        letters
            .read(|_, text, _| {
                count(text);
                true
            })
            .map_err(failed())?;
        place.files += 1;
        if unreadable > 0 {
            let reason = format!("{unreadable} of its lines can't be read; look at them, and remove them by hand");
            findings.miss(NotReached::whole(PLACE, letters.path().display(), reason));
        }
        if records > 0 {
            if !dry_run {
                let decide = |_, text: &[u8]| match line_of(text, targets) {
                    Line::Wanted => Edit::Remove,
                    Line::Other | Line::Unreadable => Edit::Keep,
                };
                letters.edit(decide).map_err(failed())?;
            }
            place.files_changed += 1;
        }
        place.records += records;
        place.bytes += bytes;
    }
    findings.places.push(place);
    Ok(())
}

/// Erases from the lists of broken batches.
///
/// # Errors
/// A list can't be read or replaced.
pub fn erase_broken_lists(
    data: &Path,
    targets: &Targets,
    dry_run: bool,
    findings: &mut Findings,
) -> Result<(), EraseError> {
    const PLACE: &str = "broken-list";
    let mut place = PlaceReport::new(PLACE);
    for path in broken_list::paths(data) {
        let (mut records, mut bytes) = (0, 0);
        let keep = |line: &[u8]| {
            // A line that was cut off by a crash tells nothing, and goes too.
            let goes = !matches!(line_of(line, targets), Line::Other);
            records += u64::from(goes);
            bytes += if goes { line.len() as u64 + 1 } else { 0 };
            !goes
        };
        let found = broken_list::edit(&path, dry_run, keep).map_err(EraseError::io(&path, "erase broken batches"))?;
        place.files += u64::from(found);
        place.files_changed += u64::from(records > 0);
        place.records += records;
        place.bytes += bytes;
    }
    findings.places.push(place);
    Ok(())
}

#[cfg(test)]
mod tests;
