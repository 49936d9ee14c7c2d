//! Files that can't be copied, because they were damaged or lost before they were uploaded. The copy does without them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use rustix::io::Errno;

use crate::archive::error::ArchiveError;
use crate::archive::place::Place;
use crate::courier::{Cause, Trouble};

/// Tells one state of a file from another: its number, length and time. `None`: it is not there.
type Version = Option<(u64, u64, Option<SystemTime>)>;

/// The files that were set aside, by their paths in the archive, and why.
#[derive(Debug, Default)]
pub(super) struct Aside {
    files: BTreeMap<String, (Version, String)>,
}

impl Aside {
    /// Sets a file aside until it changes.
    pub(super) fn add(&mut self, place: &Place, path: &str, error: &ArchiveError) {
        self.files.insert(path.to_owned(), (version(place, path), error.to_string()));
    }

    /// The paths of those that have not changed since. The others are tried again: they may have been put back.
    pub(super) fn paths(&mut self, place: &Place) -> BTreeSet<String> {
        self.files.retain(|path, (seen, _)| *seen == version(place, path));
        self.files.keys().cloned().collect()
    }

    /// Forgets all but these: the archive does not have them any more.
    pub(super) fn keep(&mut self, paths: &BTreeSet<String>) {
        self.files.retain(|path, _| paths.contains(path));
    }

    /// What is told of them; `None` if there are none.
    pub(super) fn cause(&self) -> Option<Cause> {
        let (path, (_, error)) = self.files.first_key_value()?;
        let more = match self.files.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let text = format!("{path} is not copied{more}; takeup verify --archive names what is damaged: {error}");
        Some(Cause::new(Trouble::Local, "damaged", text))
    }
}

/// Whether an error says that a file of the archive is damaged or lost, and not that this machine has failed in another way.
pub(super) fn is_of_file(error: &ArchiveError) -> bool {
    match error {
        ArchiveError::Damaged { .. } | ArchiveError::Missing { .. } => true,
        ArchiveError::Io { source, .. } => {
            source.kind() == io::ErrorKind::UnexpectedEof || source.raw_os_error() == Some(Errno::IO.raw_os_error())
        }
        _ => false,
    }
}

fn version(place: &Place, path: &str) -> Version {
    let meta = fs::metadata(place.file(path)).ok()?;
    Some((meta.ino(), meta.len(), meta.modified().ok()))
}
