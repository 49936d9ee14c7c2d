//! How long the records of each project are kept, for projects with a retention age of their own.
//!
//! Deleted records do not come back. So a project's age stays in force until the file explicitly says otherwise: with another number,
//! `"server"`, or the project's number in `removed`. A missing line or table changes nothing. A longer age takes effect at once, a shorter
//! one when the file has been at rest for the grace time. A project's first age may be shorter than the server's, and may be a number that
//! was cut off; until the file is at rest, nothing of the project counts as too old. The ages are kept in a file of their own, because a
//! restart must not forget them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::watched_files::{Kept, at_rest};

use super::model::Retain;
use super::{Directory, DirectoryError};

/// The file's name, next to the other kept copies.
const NAME: &str = "ages.json";
/// A larger file is not a file of ages: `projects.toml` can't hold that many projects.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The outcome of following a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Followed {
    /// Some age has changed.
    pub changed: bool,
    /// A shorter age is waiting for the file to be at rest.
    pub waits: bool,
}

#[derive(Debug)]
pub(super) struct Ages {
    kept: Kept,
    days: BTreeMap<u32, u32>,
    /// Projects whose first age is pending.
    first: BTreeSet<u32>,
    saved: bool,
}

impl Ages {
    /// The ages of a data folder.
    pub fn open(data: &Path) -> Result<Self, DirectoryError> {
        let kept = Kept::new(data, NAME, FILE_BYTES_MAX);
        let failed = |source| DirectoryError::Ages { path: kept.path().to_owned(), source };
        let days = match kept.read().map_err(failed)? {
            Some(text) => serde_json::from_slice(&text).map_err(|error| failed(io::Error::from(error)))?,
            None => BTreeMap::new(),
        };
        Ok(Self { kept, days, first: BTreeSet::new(), saved: true })
    }

    /// The days of each project; 0 means for ever.
    pub fn days(&self) -> BTreeMap<u32, u32> {
        let mut days = self.days.clone();
        days.extend(self.first.iter().map(|&id| (id, 0)));
        days
    }

    /// Takes over what a text says; an age is shortened only if the text is `certain`.
    pub fn follow(&mut self, latest: &Directory, certain: bool) -> Followed {
        let mut followed = Followed { changed: false, waits: false };
        let waited = std::mem::take(&mut self.first);
        for project in latest.projects() {
            match project.retain {
                Retain::Unsaid => {}
                Retain::Server => self.shorten(project.project_id, None, certain, &mut followed),
                Retain::Days(days) => match self.days.get(&project.project_id) {
                    Some(&old) if old == days => {}
                    Some(&old) if is_shorter(days, old) => {
                        self.shorten(project.project_id, Some(days), certain, &mut followed);
                    }
                    None if days != 0 && !certain => {
                        self.first.insert(project.project_id);
                        followed.waits = true;
                    }
                    _ => {
                        self.days.insert(project.project_id, days);
                        followed.changed = true;
                    }
                },
            }
        }
        for &id in &latest.removed {
            self.shorten(id, None, certain, &mut followed);
        }
        self.saved &= !followed.changed;
        followed.changed |= waited != self.first;
        followed
    }

    fn shorten(&mut self, id: u32, days: Option<u32>, certain: bool, followed: &mut Followed) {
        if !self.days.contains_key(&id) {
            return;
        }
        if !certain {
            followed.waits = true;
            return;
        }
        followed.changed = true;
        match days {
            Some(days) => self.days.insert(id, days),
            None => self.days.remove(&id),
        };
    }

    /// Writes the ages to disk if they have changed.
    pub fn save(&mut self) -> Result<(), String> {
        if self.saved {
            return Ok(());
        }
        let text = serde_json::to_vec(&self.days).map_err(|error| error.to_string())?;
        self.kept.write(&text).map_err(|error| format!("{}: {error}", self.kept.path().display()))?;
        self.saved = true;
        Ok(())
    }
}

/// The days of each project with an age of its own, 0 for ever, that a server with this data folder goes by, or would after a start. `file` is the projects
/// file; `None` if they come from Postgres: then what was last read of them counts. Nothing is changed.
///
/// # Errors
/// The kept ages can't be read: a server would not start.
pub fn ages_in_force(data: &Path, file: Option<&Path>, grace: Duration) -> Result<BTreeMap<u32, u32>, DirectoryError> {
    let mut ages = Ages::open(data)?;
    // A file that can't be used changes nothing.
    if let Some((latest, file)) = file.and_then(|file| Some((Directory::load(file).ok()?, file))) {
        ages.follow(&latest, at_rest(file, grace));
    }
    Ok(ages.days())
}

fn is_shorter(days: u32, than: u32) -> bool {
    days != 0 && (than == 0 || days < than)
}
