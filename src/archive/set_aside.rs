//! Files that could not be read when they were to be merged. Without them the rest of the archive is merged as ever.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Paths below the archive's folder, and what is wrong with each. Shared by its clones.
#[derive(Debug, Clone, Default)]
pub struct SetAside(Arc<Mutex<BTreeMap<String, String>>>);

impl SetAside {
    /// Sets a file aside.
    pub fn add(&self, path: &str, error: String) {
        self.files().insert(path.to_owned(), error);
    }

    /// Whether a file is set aside.
    pub fn has(&self, path: &str) -> bool {
        self.files().contains_key(path)
    }

    /// Whether the file that an absolute path leads to is set aside, in the archive of this folder.
    pub fn has_file(&self, dir: &Path, file: &Path) -> bool {
        file.strip_prefix(dir).ok().and_then(Path::to_str).is_some_and(|path| self.has(path))
    }

    /// What is wrong with the first of them, and how many there are; `None` if there are none.
    pub fn first(&self) -> Option<String> {
        let files = self.files();
        let first = files.values().next()?;
        Some(match files.len() - 1 {
            0 => first.clone(),
            1 => format!("{first} (and 1 more file; takeup verify --archive names it)"),
            more => format!("{first} (and {more} more files; takeup verify --archive names them)"),
        })
    }

    /// Forgets all: they are tried again.
    pub fn clear(&self) {
        self.files().clear();
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
