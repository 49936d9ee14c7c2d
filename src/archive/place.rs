//! Where an archive's files are, and the calls that make them durable.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::ArchiveError;
use super::hour::Hour;
use super::table::Table;
use super::tables;

/// The archive's folder in a data folder.
pub const ARCHIVE_DIR_NAME: &str = "archive";

/// What a file is called until it is whole.
const FRESH: &str = ".tmp";

/// An archive's folder.
#[derive(Debug, Clone)]
pub struct Place {
    dir: PathBuf,
}

impl Place {
    /// The archive in a data folder.
    pub fn in_data(data: &Path) -> Self {
        Self { dir: data.join(ARCHIVE_DIR_NAME) }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join("manifest.json")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// A file, by its path below the folder.
    pub fn file(&self, relative: &str) -> PathBuf {
        self.dir.join(relative)
    }

    /// The path below the folder of a table's file: the first row's time in microseconds, and a number that no other file has.
    pub fn relative(table: Table, hour: Hour, first_us: u64, number: u64) -> String {
        format!("{}/{hour}/{first_us:020}-{number}.parquet", table.name)
    }

    /// Makes the archive's folder, or finds it. Returns whether it was made.
    pub fn make(&self) -> Result<bool, ArchiveError> {
        make_dir(&self.dir)
    }

    /// Makes the folders above a file of the archive, each with its name durable.
    pub fn make_parents(&self, relative: &str) -> Result<(), ArchiveError> {
        let mut dir = self.dir.clone();
        let parents = Path::new(relative).parent().unwrap_or(Path::new(""));
        for part in parents.components() {
            dir.push(part);
            make_dir(&dir)?;
        }
        Ok(())
    }

    /// The files of tables, whole and unfinished, by their paths below the folder: only those whose folders and names are an archive's.
    pub fn files(&self) -> Result<Vec<String>, ArchiveError> {
        let mut found = Vec::new();
        for table in tables::ALL {
            let dir = self.dir.join(table.name);
            for date in names(&dir)?.iter().filter(|name| is_numbered(name, "date=", "0000-00-00")) {
                for hour in names(&dir.join(date))?.iter().filter(|name| is_numbered(name, "hour=", "00")) {
                    let files = names(&dir.join(date).join(hour))?;
                    let ours = files.iter().filter(|name| is_file_name(name.strip_suffix(FRESH).unwrap_or(name)));
                    found.extend(ours.map(|name| format!("{}/{date}/{hour}/{name}", table.name)));
                }
            }
        }
        Ok(found)
    }
}

fn make_dir(dir: &Path) -> Result<bool, ArchiveError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(ArchiveError::io(dir, "make the folder")(error)),
    }
    sync_dir(dir.parent().unwrap_or(dir))?;
    Ok(true)
}

/// Makes the names in a folder durable.
pub fn sync_dir(dir: &Path) -> Result<(), ArchiveError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(ArchiveError::io(dir, "sync the folder"))
}

/// The name that a file has until it is whole.
pub fn fresh_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(FRESH);
    PathBuf::from(name)
}

/// Makes a file that only this user may read, in place of an unfinished one.
pub fn create(path: &Path) -> Result<File, ArchiveError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map_err(ArchiveError::io(path, "make the file"))
}

/// Replaces a small file as a whole: once this returns, the text survives the machine.
pub fn replace(path: &Path, text: &[u8]) -> Result<(), ArchiveError> {
    let fresh = fresh_path(path);
    let mut file = create(&fresh)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    let replaced = written.and_then(|()| fs::rename(&fresh, path));
    if let Err(error) = replaced {
        let _ = fs::remove_file(&fresh);
        return Err(ArchiveError::io(path, "write the file")(error));
    }
    sync_dir(path.parent().unwrap_or(path))
}

/// Removes a file, which may be gone.
pub fn remove(path: &Path) -> Result<(), ArchiveError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ArchiveError::io(path, "remove the file")(error)),
        _ => Ok(()),
    }
}

/// The names in a folder; none if there is no such folder. Names that are not UTF-8 are nobody's of ours.
fn names(dir: &Path) -> Result<Vec<String>, ArchiveError> {
    let failed = || ArchiveError::io(dir, "list the folder");
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed()(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        if let Ok(name) = entry.map_err(failed())?.file_name().into_string() {
            found.push(name);
        }
    }
    Ok(found)
}

/// Whether a name is a prefix and then a text of this form, in which `0` stands for any digit.
fn is_numbered(name: &str, prefix: &str, form: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| {
        let fits = |(found, wanted): (u8, u8)| if wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
        rest.len() == form.len() && rest.bytes().zip(form.bytes()).all(fits)
    })
}

fn is_file_name(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = name.strip_suffix(".parquet").and_then(|numbers| numbers.split_once('-'));
    numbers.is_some_and(|(time, number)| time.len() == 20 && digits(time) && digits(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tables::batches::BATCHES;

    #[test]
    fn only_names_of_an_archive_are_taken_for_its_files() {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::in_data(temp.path());
        assert!(place.make().unwrap() && !place.make().unwrap());
        let ours = Place::relative(BATCHES, Hour::of_us(1), 1, 7);
        let theirs = [
            "batches/date=1970-01-01/hour=00/notes.parquet",
            "batches/date=1970-01-01/hour=x/00000000000000000001-7.parquet",
        ];
        let fresh = format!("{ours}.tmp");
        for path in
            [&*ours, &*fresh, theirs[0], theirs[1], "other/date=1970-01-01/hour=00/00000000000000000001-7.parquet"]
        {
            place.make_parents(path).unwrap();
            fs::write(place.file(path), b"").unwrap();
        }
        let mut found = place.files().unwrap();
        found.sort();
        assert_eq!(found, [ours, fresh]);
    }
}
