//! What a source's path turns out to be.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::cli::replay::credentials::without_credentials;
use crate::cli::serve::ServeArgs;
use crate::log::read::reader::{LOG_FILE_NAME, LogReader};
#[cfg(feature = "archive")]
use crate::{base::archive_address::ArchiveAddress, cli::archive_source};

#[cfg(feature = "archive")]
use super::archive_files::ArchiveFiles;

/// What of a data folder is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Source {
    /// The log, as received.
    Log,
    /// The archive: bodies are inflated.
    Archive,
    /// The archive up to its end, and the log from there. Without an archive, the log; without a log, the archive.
    #[default]
    Both,
}

/// A source that was found: a log, an archive, or both of one data folder.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Its path, as it was named.
    #[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives need it"))]
    pub path: PathBuf,
    /// Its log.
    pub log: Option<LogReader>,
    /// Its archive.
    #[cfg(feature = "archive")]
    pub archive: Option<ArchiveFiles>,
}

/// Finds the sources: those that were named, or the data folder.
///
/// # Errors
/// One is none, or lacks what is asked for.
pub fn origins(named: &[PathBuf], data: &Path, source: Source, settings: &ServeArgs) -> Result<Vec<Origin>, CliError> {
    if named.is_empty() {
        return Ok(vec![of_data(data, source)?]);
    }
    let find =
        |path: &PathBuf| if is_url(path) { of_store(path, data, source, settings) } else { origin(path, source) };
    named.iter().map(find).collect()
}

/// Whether a source is named as one in an object store.
pub fn is_url(path: &Path) -> bool {
    path.to_string_lossy().contains("://")
}

/// An archive in an object store.
#[cfg(feature = "archive")]
fn of_store(url: &Path, data: &Path, source: Source, settings: &ServeArgs) -> Result<Origin, CliError> {
    if source == Source::Log {
        let text = format!("{}: an object store has an archive: --source log does not go with it", url.display());
        return Err(CliError::Other(text));
    }
    let address: ArchiveAddress = url
        .to_string_lossy()
        .parse()
        .map_err(|problem| CliError::Other(format!("{}: {problem}", without_credentials(&url.to_string_lossy()))))?;
    let archive = ArchiveFiles::of(archive_source::open(Some(&address), settings, data)?);
    Ok(Origin { path: url.to_path_buf(), log: None, archive: Some(archive) })
}

#[cfg(not(feature = "archive"))]
fn of_store(url: &Path, _: &Path, _: Source, _: &ServeArgs) -> Result<Origin, CliError> {
    let text = "this takeup was built without archives: build it with `cargo build --release`";
    Err(CliError::Other(format!("{}: {text}", without_credentials(&url.to_string_lossy()))))
}

fn origin(path: &Path, source: Source) -> Result<Origin, CliError> {
    let wrong = |is: &str, wanted: &str| {
        CliError::Other(format!("{}: {is}: --source {wanted} does not go with it", path.display()))
    };
    if path.join(LOG_FILE_NAME).is_file() {
        return match source {
            Source::Archive => Err(wrong("a log", "archive")),
            Source::Log | Source::Both => Ok(log_of(path, log_folder::reader(path)?)),
        };
    }
    #[cfg(feature = "archive")]
    if ArchiveFiles::is_at(path) {
        return match source {
            Source::Log => Err(wrong("an archive", "log")),
            Source::Archive | Source::Both => {
                Ok(Origin { path: path.to_path_buf(), log: None, archive: Some(ArchiveFiles::at(path)) })
            }
        };
    }
    of_data(path, source)
}

/// What is asked for of a data folder.
fn of_data(data: &Path, source: Source) -> Result<Origin, CliError> {
    #[cfg(feature = "archive")]
    {
        let archive = ArchiveFiles::of_data(data);
        let has_log = !matches!(data.join("log").try_exists(), Ok(false));
        match (source, archive) {
            (Source::Archive, None) => {
                return Err(CliError::Other(format!(
                    "{}: there is no archive in this data folder; `takeup compact` makes one of its log",
                    data.display()
                )));
            }
            (Source::Archive, archive) => return Ok(Origin { path: data.to_path_buf(), log: None, archive }),
            (Source::Both, archive @ Some(_)) => {
                let log = if has_log { Some(log_folder::open(data)?) } else { None };
                return Ok(Origin { path: data.to_path_buf(), log, archive });
            }
            (Source::Both, None) | (Source::Log, _) => {}
        }
    }
    #[cfg(not(feature = "archive"))]
    if source == Source::Archive {
        let text = "--source archive: this takeup was built without archives: build it with `cargo build --release`";
        return Err(CliError::Other(text.to_owned()));
    }
    Ok(log_of(data, log_folder::open(data)?))
}

fn log_of(path: &Path, reader: LogReader) -> Origin {
    Origin {
        path: path.to_path_buf(),
        log: Some(reader),
        #[cfg(feature = "archive")]
        archive: None,
    }
}
