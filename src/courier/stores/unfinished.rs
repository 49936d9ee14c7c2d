//! The upload that is under way, on disk: after a crash it is given up, so that the store does not keep its parts for ever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// More than it ever holds.
const BYTES_MAX: u64 = 64 << 10;

/// An upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunUpload {
    /// The store's address.
    pub store: String,
    /// The object's name in it.
    pub object: String,
    /// The store's name for the upload.
    pub upload: String,
}

/// Where the upload under way is noted.
#[derive(Debug, Clone)]
pub struct UnfinishedUpload {
    path: PathBuf,
}

impl UnfinishedUpload {
    /// In a data folder, in a file of this name.
    pub fn beside(data: &Path, name: &str) -> Self {
        Self { path: data.join(name) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes an upload durably, in place of an earlier one.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn note(&self, begun: &BegunUpload) -> io::Result<()> {
        let fresh = self.path.with_extension("json.tmp");
        let mut text = serde_json::to_vec(begun)?;
        text.push(b'\n');
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        File::open(self.path.parent().unwrap_or(&self.path))?.sync_all()
    }

    /// What was noted, if anything. A file that can't be understood is none: it is only about the store's space.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read(&self) -> io::Result<Option<BegunUpload>> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(file) => drop(file.take(BYTES_MAX).read_to_end(&mut text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(serde_json::from_slice(&text).ok())
    }

    /// There is none any more.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_known_after_a_crash_and_forgotten_once_it_is_done() {
        let data = tempfile::tempdir().unwrap();
        let noted = UnfinishedUpload::beside(data.path(), "upload.json");
        assert_eq!(noted.read().unwrap(), None);
        noted.clear().unwrap();
        let mut begun = BegunUpload { store: "s3://a".into(), object: "b".into(), upload: "c".into() };
        noted.note(&begun).unwrap();
        begun.upload = "d".into();
        noted.note(&begun).unwrap();
        assert_eq!(noted.read().unwrap(), Some(begun));
        noted.clear().unwrap();
        assert_eq!(noted.read().unwrap(), None);
        fs::write(noted.path(), "{").unwrap();
        assert_eq!(noted.read().unwrap(), None);
    }
}
