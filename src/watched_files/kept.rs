//! A copy of a file from when none of its contents were in doubt.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder of the copies, inside the data folder. Only its owner can read it: the copies may contain secrets.
pub const KEPT_FOLDER: &str = "kept";

/// The location of one copy.
#[derive(Debug, Clone)]
pub struct Kept {
    path: PathBuf,
    bytes_max: u64,
}

impl Kept {
    /// The copy of this name in a data folder.
    pub fn new(data: &Path, name: &str, bytes_max: u64) -> Self {
        Self { path: data.join(KEPT_FOLDER).join(name), bytes_max }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The copy; `None` if there is none.
    ///
    /// # Errors
    /// It can't be read, or is larger than it may be.
    pub fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match super::read(&self.path, self.bytes_max) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the copy by another text, durably and atomically, unless it already has this text.
    ///
    /// # Errors
    /// The copy could not be written; the old one is unchanged.
    pub fn write(&self, text: &[u8]) -> io::Result<()> {
        if self.read().is_ok_and(|old| old.as_deref() == Some(text)) {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut draft = self.path.clone().into_os_string();
        draft.push(".tmp");
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let written = written.and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&draft, &self.path)).inspect_err(|_| {
            let _ = fs::remove_file(&draft);
        })?;
        File::open(folder)?.sync_all()
    }
}
