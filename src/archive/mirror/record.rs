//! What may be in the store without being part of the archive there: on disk, written before it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::archive::error::ArchiveError;
use crate::archive::place::replace;
use crate::log::format::record::uuid_text;

/// The file in the data folder.
const FILE_NAME: &str = "archive-store.json";

/// What is known of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The store's address.
    pub store: String,
    /// The archive's id.
    #[serde(with = "uuid_text")]
    pub archive: Uuid,
    /// BLAKE3 of the manifest that was put there last.
    pub manifest: Option<String>,
    /// BLAKE3 of the manifest that is being put there: it may be there already.
    pub next: Option<String>,
    /// Names that may be there, and are named by neither manifest, or not for long.
    pub loose: Vec<String>,
}

/// Where the record is.
#[derive(Debug, Clone)]
pub struct RecordFile {
    path: PathBuf,
}

impl RecordFile {
    /// In a data folder.
    pub fn beside(data: &Path) -> Self {
        Self { path: data.join(FILE_NAME) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of this store; `None` if nothing is, or it can't be understood: the store is listed then.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read(&self, store: &str) -> Result<Option<Record>, ArchiveError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ArchiveError::io(&self.path, "read the file")(error)),
        };
        let record = serde_json::from_slice(&text).ok();
        Ok(record.filter(|record: &Record| record.store == store))
    }

    /// Replaces it durably.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, record: &Record) -> Result<(), ArchiveError> {
        let text = serde_json::to_vec(record)
            .map_err(|error| ArchiveError::io(&self.path, "write the file")(io::Error::other(error)))?;
        replace(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_store_or_one_that_is_damaged_is_none() {
        let data = tempfile::tempdir().unwrap();
        let file = RecordFile::beside(data.path());
        assert_eq!(file.read("s3://a/b").unwrap(), None);
        let record = Record {
            store: "s3://a/b".into(),
            archive: Uuid::from_u128(7),
            manifest: None,
            next: Some("00".into()),
            loose: vec!["manifest/2026-11-29-1.json".into()],
        };
        file.write(&record).unwrap();
        assert_eq!(file.read("s3://a/b").unwrap(), Some(record));
        assert_eq!(file.read("s3://a/c").unwrap(), None);
        fs::write(file.path(), "{").unwrap();
        assert_eq!(file.read("s3://a/b").unwrap(), None);
    }
}
