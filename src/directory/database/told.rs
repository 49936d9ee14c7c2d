//! What of a reading takes effect, and when.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blake3::Hash;

use crate::watched_files::KEPT_FOLDER;

use super::super::settling::{Latest, Report, Settling};
use super::super::{Directory, DirectoryError};
use super::rows::Assembled;

/// The file name of the copy of the last reading without doubt.
const KEPT_NAME: &str = "postgres.toml";

impl Directory {
    /// The copy that a server with this data folder keeps of the projects that it has read from Postgres; in the form of `projects.toml`.
    pub fn kept_of_database(data: &Path) -> PathBuf {
        data.join(KEPT_FOLDER).join(KEPT_NAME)
    }
}

/// The last reading, and what it lacks of what is in force.
#[derive(Debug)]
pub struct Intake {
    settling: Settling,
    seen: Option<Hash>,
}

impl Intake {
    /// Begins with the kept copy, if there is one. The last part says why one that is there can't be used.
    pub fn open(data: &Path) -> Result<(Self, Option<Directory>, Option<String>), DirectoryError> {
        let settling = Settling::open(data, KEPT_NAME)?;
        let kept = settling.kept().map_err(|error| error.to_string());
        let kept = kept.and_then(|text| text.map(String::from_utf8).transpose().map_err(|error| error.to_string()));
        let (kept, fault) = match kept.and_then(|text| text.map(Assembled::from_text).transpose()) {
            Ok(kept) => (kept.map(|kept| kept.directory), None),
            Err(fault) => (None, Some(fault)),
        };
        Ok((Self { settling, seen: None }, kept, fault))
    }

    /// Takes over a reading. Returns the projects now in force, if they have changed, and what to report.
    pub fn take(
        &mut self,
        in_force: &Arc<Directory>,
        reading: Assembled,
        grace: Duration,
    ) -> (Option<Arc<Directory>>, Option<Report>) {
        if reading.directory.projects().is_empty() && !in_force.projects().is_empty() {
            let projects = in_force.projects().len();
            self.doubt();
            return (None, Some(Err(DirectoryError::EmptiedTable { projects })));
        }
        let hash = reading.fingerprint();
        let fresh = self.seen != Some(hash);
        if fresh {
            self.seen = Some(hash);
            let (directory, text) = (Arc::new(reading.directory), reading.text.into_bytes());
            self.settling.set_latest(Some(Latest { directory, sure: None, text }));
        }
        // A reading is one transaction: it need not be at rest, as a file must that may be half written.
        self.settling.take_in(in_force, grace, fresh, Duration::MAX)
    }

    /// There was no reading: nothing was seen to be missing, so the time of what is missing begins again.
    pub fn doubt(&mut self) {
        self.settling.forget_losses();
    }

    /// The days for which records are kept, for each project with an age of its own; 0 means for ever.
    pub fn ages(&self) -> BTreeMap<u32, u32> {
        self.settling.ages()
    }
}

#[cfg(test)]
mod tests;
