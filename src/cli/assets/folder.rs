//! The files below a folder that an operator names.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::cli::error::CliError;

/// Folders in folders, further than any site goes.
const DEPTH_MAX: usize = 64;

/// A file, and the names that lead to it from the folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) parts: Vec<String>,
}

/// All files below a folder, by name; and how many things there are besides: symbolic links, devices, names that are no text. A link is not followed:
/// what it leads to is not below the folder.
pub(super) fn files(folder: &Path) -> Result<(Vec<Found>, u64), CliError> {
    let (mut found, mut odd) = (Vec::new(), 0);
    let mut open = vec![(folder.to_owned(), Vec::new())];
    while let Some((folder, parts)) = open.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| cannot_read(&folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| cannot_read(&folder, &error))?;
            let kind = entry.file_type().map_err(|error| cannot_read(&entry.path(), &error))?;
            let Ok(name) = entry.file_name().into_string() else {
                odd += 1;
                continue;
            };
            let parts = [&parts[..], &[name]].concat();
            match kind {
                _ if kind.is_file() => found.push(Found { path: entry.path(), parts }),
                _ if kind.is_dir() && parts.len() < DEPTH_MAX => open.push((entry.path(), parts)),
                _ => odd += 1,
            }
        }
    }
    found.sort_unstable_by(|one, other| one.parts.cmp(&other.parts));
    Ok((found, odd))
}

/// Reads a file; `None` if it is longer than `bytes_max`.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, CliError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| cannot_read(path, &error))?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

fn cannot_read(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Other(format!("{}: cannot read it: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_names_and_links_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir_all(path.join("css/deep")).unwrap();
        for name in ["b.png", "css/a.css", "css/deep/c.woff2"] {
            fs::write(path.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc", path.join("etc")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path.join("passwd.css")).unwrap();
        let (found, odd) = files(path).unwrap();
        let parts: Vec<String> = found.iter().map(|found| found.parts.join("/")).collect();
        assert_eq!((parts.join(" "), odd), ("b.png css/a.css css/deep/c.woff2".to_owned(), 2));
        assert_eq!(read(&path.join("b.png"), 5).unwrap().unwrap(), b"b.png");
        assert_eq!(read(&path.join("b.png"), 4).unwrap(), None);
        assert!(files(&path.join("nothing")).is_err());
    }
}
