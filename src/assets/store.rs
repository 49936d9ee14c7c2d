//! The files of the store.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use blake3::Hash;

use super::error::AssetsError;
use super::index::{Entry, ProjectIndex};

/// The store's folder in a data folder.
pub const ASSETS_DIR_NAME: &str = "assets";

/// The longest index that is read.
const INDEX_BYTES_MAX: u64 = 128 << 20;

/// The kept assets of a data folder. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// That of a data folder.
    pub fn in_data(data: &Path) -> Store {
        Store { dir: data.join(ASSETS_DIR_NAME) }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(super) fn indexes(&self) -> PathBuf {
        self.dir.join("projects")
    }

    /// The index of a project.
    pub fn index_path(&self, project: u32) -> PathBuf {
        self.indexes().join(format!("{project}.json"))
    }

    /// A content.
    pub(super) fn content(&self, hash: &Hash) -> PathBuf {
        let name = hash.to_hex();
        self.dir.join(&name[..2]).join(&*name)
    }

    /// The projects that have an index, ascending.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn projects(&self) -> Result<Vec<u32>, AssetsError> {
        let folder = self.indexes();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(AssetsError::io(&folder, "read the folder")(error)),
        };
        let mut projects = Vec::new();
        for entry in entries {
            let name = entry.map_err(AssetsError::io(&folder, "read the folder"))?.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_suffix(".json")).and_then(|name| name.parse::<u32>().ok());
            projects.extend(number);
        }
        projects.sort_unstable();
        Ok(projects)
    }

    /// The assets of a project; none if it has no index.
    ///
    /// # Errors
    /// The index can't be read, or is not one.
    pub fn project(&self, project: u32) -> Result<ProjectIndex, AssetsError> {
        let path = self.index_path(project);
        let text = match read_whole(&path, INDEX_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ProjectIndex::default()),
            Err(error) => return Err(AssetsError::io(&path, "read the index")(error)),
        };
        ProjectIndex::parse(&text).map_err(|why| AssetsError::Index { path, why })
    }

    /// The bytes of an asset; `None` if they have gone meanwhile.
    ///
    /// # Errors
    /// They can't be read, or are not what was kept.
    pub fn read(&self, entry: &Entry) -> Result<Option<Vec<u8>>, AssetsError> {
        let path = self.content(&entry.hash);
        let bytes = match read_whole(&path, entry.bytes) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(AssetsError::Damaged(path)),
            Err(error) => return Err(AssetsError::io(&path, "read the asset")(error)),
        };
        if blake3::hash(&bytes) == entry.hash { Ok(Some(bytes)) } else { Err(AssetsError::Damaged(path)) }
    }
}

/// Reads a file that may have at most so many bytes.
pub(super) fn read_whole(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(bytes_max)).unwrap_or_default());
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
