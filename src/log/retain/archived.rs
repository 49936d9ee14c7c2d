//! What goes because it is in an archive, and why the rest does not.

use std::collections::{BTreeMap, BTreeSet};

use super::in_archive::InArchive;
use super::plan::{Deletion, Look, Reason, Sealed, not_needed};
use super::stays::Why;

/// Segments by core and id.
pub type Ids = BTreeSet<(u16, u64)>;

/// What goes because it is in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Archived {
    /// The segments that go, oldest first.
    pub go: Vec<Deletion>,
    /// How many would go if the archive confirmed them.
    pub waiting: u64,
    /// Why the archive confirms nothing.
    pub fault: Option<String>,
}

/// What goes because it is in the archive, beside `others`, which go anyway. `altered` are segments that are not what was sealed: they stay.
pub fn archived(look: &Look<'_>, others: &[Deletion], altered: &Ids, archive: &InArchive) -> Archived {
    let mut free = not_needed(look);
    free.retain(|segment| !others.iter().any(|other| (other.core, other.id) == (segment.core, segment.id)));
    free.retain(|segment| !altered.contains(&(segment.core, segment.id)));
    let (answers, fault) = match if free.is_empty() { Ok(Vec::new()) } else { archive.of(&free) } {
        Ok(answers) => (answers, None),
        Err(reason) => (vec![false; free.len()], Some(reason)),
    };
    let of = |segment: &Sealed| Deletion {
        core: segment.core,
        id: segment.id,
        bytes: segment.bytes,
        records: segment.facts.as_ref().map_or(0, |facts| facts.records),
        reason: Reason::Archived,
    };
    let go: Vec<Deletion> =
        free.iter().zip(answers).filter(|(_, is_there)| *is_there).map(|(segment, _)| of(segment)).collect();
    Archived { waiting: (free.len() - go.len() + altered.len()) as u64, go, fault }
}

/// Why segments do not go for being archived, as far as archive and consumers keep them. `names` are those of `look.holding`.
pub fn why_not(look: &Look<'_>, names: &[String], altered: &Ids, archive: &InArchive) -> BTreeMap<(u16, u64), Why> {
    let known: Vec<Sealed> = look.segments.iter().filter(|segment| segment.facts.is_some()).cloned().collect();
    let answers = if known.is_empty() { Ok(Vec::new()) } else { archive.of(&known) };
    let why = |(at, segment): (usize, &Sealed)| {
        let id = (segment.core, segment.id);
        let held_by = look.held_by(segment, names);
        let why = match &answers {
            _ if altered.contains(&id) => Why::Altered,
            Err(reason) => Why::ArchiveFault(reason.clone()),
            Ok(answers) if !answers[at] => Why::NotArchived(held_by),
            Ok(_) if !held_by.is_empty() => Why::Held(held_by),
            Ok(_) => return None,
        };
        Some((id, why))
    };
    known.iter().enumerate().filter_map(why).collect()
}

#[cfg(test)]
mod tests;
