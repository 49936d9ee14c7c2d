//! For how long the records of each project are kept, where that is its own.
//!
//! What is deleted does not come back. So an age that a project once had holds until the file says otherwise in so many words: another
//! number, `"server"`, or the project's number in `removed`. A line or a table that is gone says nothing. A longer age holds at
//! once, a shorter one when the file has been at rest for the grace time. The first age of a project may be shorter than the server's, and cut: until
//! then nothing of the project is too old. The ages are kept in a file of their own, because a
//! restart must not forget them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use crate::watched_files::Kept;

use super::model::Retain;
use super::{Directory, DirectoryError};

/// The file, beside the other kept ones.
const NAME: &str = "ages.json";
/// More than this is not such a file: that many projects don't fit into `projects.toml`.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What came of following a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Followed {
    /// Some age is another one now.
    pub changed: bool,
    /// A shorter one waits for the file to be at rest.
    pub waits: bool,
}

#[derive(Debug)]
pub(super) struct Ages {
    kept: Kept,
    days: BTreeMap<u32, u32>,
    /// Projects whose first age waits.
    first: BTreeSet<u32>,
    saved: bool,
}

impl Ages {
    /// Those of a data folder.
    pub fn open(data: &Path) -> Result<Self, DirectoryError> {
        let kept = Kept::new(data, NAME, FILE_BYTES_MAX);
        let failed = |source| DirectoryError::Ages { path: kept.path().to_owned(), source };
        let days = match kept.read().map_err(failed)? {
            Some(text) => serde_json::from_slice(&text).map_err(|error| failed(io::Error::from(error)))?,
            None => BTreeMap::new(),
        };
        Ok(Self { kept, days, first: BTreeSet::new(), saved: true })
    }

    /// The days of each project; 0 is for ever.
    pub fn days(&self) -> BTreeMap<u32, u32> {
        let mut days = self.days.clone();
        days.extend(self.first.iter().map(|&id| (id, 0)));
        days
    }

    /// Takes over what a text says; what shortens an age only if it is `certain`.
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

    /// Writes them down, if they have changed.
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

fn is_shorter(days: u32, than: u32) -> bool {
    days != 0 && (than == 0 || days < than)
}
