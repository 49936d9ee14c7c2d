//! Where an archive's files are, and the calls that make them durable.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::log::names::{OPEN, SEALED, core_dir, segment_stem};

use super::error::ArchiveError;
use super::hour::Hour;
use super::table::Table;
use super::tables;

/// The archive's folder in a data folder.
pub const ARCHIVE_DIR_NAME: &str = "archive";

/// The manifest's name.
pub const MANIFEST: &str = "manifest.json";

/// The folder of the manifest's lists.
pub const LISTS_DIR_NAME: &str = "manifest";

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

    /// An archive's folder, wherever it is.
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// The log beside it.
    pub fn log_dir(&self) -> PathBuf {
        self.dir.with_file_name("log")
    }

    /// Whether the log beside it has a segment.
    pub fn has_segment(&self, core: u16, segment: u64) -> bool {
        let stem = core_dir(&self.log_dir(), core).join(segment_stem(segment));
        [OPEN, SEALED].iter().any(|extension| stem.with_extension(extension).exists())
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join(MANIFEST)
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
            for date in names(&dir)?.iter().filter(|name| name.strip_prefix("date=").is_some_and(is_date)) {
                for hour in names(&dir.join(date))?.iter().filter(|name| is_hour_folder(name)) {
                    let files = names(&dir.join(date).join(hour))?;
                    let paths = files.iter().map(|name| format!("{}/{date}/{hour}/{name}", table.name));
                    found.extend(paths.filter(|path| ArchivePath::parse(whole(path)).is_some()));
                }
            }
        }
        Ok(found)
    }

    /// Removes the folders of hours and days without files. The lock is held: nobody is about to put a file there.
    pub fn remove_empty_folders(&self) -> Result<(), ArchiveError> {
        for table in tables::ALL {
            let dir = self.dir.join(table.name);
            for date in names(&dir)?.iter().filter(|name| name.strip_prefix("date=").is_some_and(is_date)) {
                let day = dir.join(date);
                for hour in names(&day)?.iter().filter(|name| is_hour_folder(name)) {
                    // One that is not empty stays.
                    let _ = fs::remove_dir(day.join(hour));
                }
                let _ = fs::remove_dir(&day);
            }
        }
        Ok(())
    }

    /// The manifest's lists, whole and unfinished, by their paths below the folder.
    pub fn lists(&self) -> Result<Vec<String>, ArchiveError> {
        let names = names(&self.dir.join(LISTS_DIR_NAME))?;
        let paths = names.iter().map(|name| format!("{LISTS_DIR_NAME}/{name}"));
        Ok(paths.filter(|path| ListPath::parse(whole(path)).is_some()).collect())
    }
}

/// The path of a table's file below the archive's folder, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchivePath<'a> {
    /// The table.
    pub table: &'a str,
    /// The day.
    pub date: &'a str,
    /// The hour of the day.
    pub hour: &'a str,
    /// The number that no other file has.
    pub number: u64,
}

impl<'a> ArchivePath<'a> {
    /// Takes a path apart; `None` for one that an archive does not have. What is read from a manifest gets to a disk or a store by this alone.
    pub fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.split('/');
        let (table, date, hour, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let date = date.strip_prefix("date=").filter(|date| is_date(date))?;
        let hour = Some(hour).filter(|hour| is_hour_folder(hour))?.strip_prefix("hour=")?;
        let (time, number) = name.strip_suffix(".parquet")?.split_once('-')?;
        let is_ours = parts.next().is_none() && tables::ALL.iter().any(|known| known.name == table);
        let is_time = time.len() == 20 && is_digits(time);
        (is_ours && is_time).then_some(Self { table, date, hour, number: number_of(number)? })
    }
}

/// The path of one of the manifest's lists below the archive's folder, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPath<'a> {
    /// The day.
    pub date: &'a str,
    /// The number that no other file has.
    pub number: u64,
}

impl<'a> ListPath<'a> {
    /// Takes a path apart; `None` for one that an archive does not have.
    pub fn parse(path: &'a str) -> Option<Self> {
        let name = path.strip_prefix(LISTS_DIR_NAME)?.strip_prefix('/')?.strip_suffix(".json")?;
        let (date, number) = name.split_at_checked(10)?;
        let number = number_of(number.strip_prefix('-')?)?;
        is_date(date).then_some(Self { date, number })
    }
}

/// The path of a list below the archive's folder.
pub fn list_path(date: &str, number: u64) -> String {
    format!("{LISTS_DIR_NAME}/{date}-{number}.json")
}

/// The name of a file that may be unfinished, when it is whole.
pub fn whole(path: &str) -> &str {
    path.strip_suffix(FRESH).unwrap_or(path)
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

/// Whether a text is a day as folders are named: `2026-11-29`.
fn is_date(text: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| if matches!(place, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(fits)
}

fn is_hour_folder(name: &str) -> bool {
    name.strip_prefix("hour=").is_some_and(|hour| hour.len() == 2 && is_digits(hour))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number as it is written, without zeros before it.
fn number_of(text: &str) -> Option<u64> {
    let number = Some(text).filter(|text| is_digits(text))?.parse().ok()?;
    (text.len() == 1 || !text.starts_with('0')).then_some(number)
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

    #[test]
    fn no_other_path_than_one_of_an_archive_is_taken_apart() {
        let ours = "batches/date=2026-11-29/hour=08/00001764403200123456-17.parquet".to_owned();
        let parsed = ArchivePath { table: "batches", date: "2026-11-29", hour: "08", number: 17 };
        assert_eq!(ArchivePath::parse(&ours), Some(parsed));
        for wrong in [
            ours.replace("batches", ".."),
            ours.replace("hour=08", ".."),
            ours.replace("-17", "-017"),
            ours.replace("-17", "-17/.."),
            format!("/{ours}"),
            format!("{ours}/x"),
            format!("{ours}.tmp"),
        ] {
            assert_eq!(ArchivePath::parse(&wrong), None, "{wrong}");
        }
        let list = list_path("2026-11-29", 3);
        assert_eq!(ListPath::parse(&list), Some(ListPath { date: "2026-11-29", number: 3 }));
        for wrong in
            ["manifest/../../x", "manifest/2026-11-29-.json", "manifest/2026-11-2é-3.json", "2026-11-29-3.json"]
        {
            assert_eq!(ListPath::parse(wrong), None, "{wrong}");
        }
    }
}
