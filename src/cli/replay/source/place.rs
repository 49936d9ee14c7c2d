//! What a source's path turns out to be.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::log::read::reader::{LOG_FILE_NAME, LogReader};

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
pub fn origins(named: &[PathBuf], data: &Path, source: Source) -> Result<Vec<Origin>, CliError> {
    if named.is_empty() {
        return Ok(vec![of_data(data, source)?]);
    }
    named.iter().map(|path| origin(path, source)).collect()
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
