//! Copies of what the settings files and the secrets file held, to notice what disappears from them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::watched_files::Kept;

use super::error::ConfigError;
use super::loaded::Loaded;
use super::origin::Origin;
use super::settings::SETTINGS;
use super::sources::{Remembered, Sources};
use super::token_secrets::TokenSecrets;

/// The file names of the copies.
const SETTINGS_NAME: &str = "settings.json";
const SECRETS_NAME: &str = "token";
/// A larger file is not such a copy.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A [`Remembered`] as stored in the copy.
#[derive(Serialize, Deserialize)]
struct Row {
    setting: String,
    text: String,
    file: std::path::PathBuf,
    line: usize,
    /// It was set in a file of variables, not in a settings file.
    variables: bool,
}

/// The settings that come from files.
pub fn of_files(loaded: &Loaded) -> Vec<Remembered> {
    let held = SETTINGS.iter().zip(&loaded.chosen).filter(|(_, chosen)| chosen.origin.place().0.is_some());
    held.map(|(setting, chosen)| Remembered {
        name: setting.name,
        text: chosen.text.clone(),
        origin: chosen.origin.clone(),
    })
    .collect()
}

/// The copy of what these sources' files held. An unreadable copy counts as absent.
pub fn read(sources: &Sources) -> Vec<Remembered> {
    let text = settings_copy(&sources.data).read().ok().flatten().unwrap_or_default();
    let rows: Vec<Row> = serde_json::from_slice(&text).unwrap_or_default();
    let files = sources.files();
    let known = |row: Row| {
        let name = SETTINGS.iter().find(|setting| setting.name == row.setting)?.name;
        let (path, line) = (row.file, row.line);
        let origin = match row.variables {
            true => Origin::VariableFile { path, line },
            false => Origin::File { path, line },
        };
        let is_read = origin.place().0.is_some_and(|path| files.iter().any(|file| file == path));
        is_read.then_some(Remembered { name, text: row.text, origin })
    };
    rows.into_iter().filter_map(known).collect()
}

/// Writes the copy of what the files hold.
///
/// # Errors
/// The path of the copy, and why it could not be written.
pub fn keep(sources: &Sources, loaded: &Loaded) -> Result<(), String> {
    let row = |held: Remembered| {
        let (Some(file), Some(line)) = held.origin.place() else { return None };
        let variables = matches!(held.origin, Origin::VariableFile { .. });
        Some(Row { setting: held.name.to_owned(), text: held.text, file: file.to_owned(), line, variables })
    };
    let rows: Vec<Row> = of_files(loaded).into_iter().filter_map(row).collect();
    let text = serde_json::to_vec(&rows).map_err(|error| error.to_string())?;
    write(&settings_copy(&sources.data), &text)
}

/// The token secrets in the copy; none if there is no copy.
pub fn read_secrets(data: &Path) -> TokenSecrets {
    let text = secrets_copy(data).read().ok().flatten().unwrap_or_default();
    TokenSecrets::of_lines(&text)
}

/// Writes the copy of the secrets file.
///
/// # Errors
/// The path of the copy, and why it could not be written.
pub fn keep_secrets(data: &Path, secrets: &TokenSecrets) -> Result<(), String> {
    let mut text = secrets.to_vec().join(&b'\n');
    text.push(b'\n');
    write(&secrets_copy(data), &text)
}

/// Files that held settings and are now empty or gone. Nobody does that on purpose, and a file in the middle of being written looks the
/// same.
pub(super) fn emptied(remembered: &[Remembered]) -> Vec<ConfigError> {
    let mut files: Vec<(&Path, usize)> = Vec::new();
    for path in remembered.iter().filter_map(|held| held.origin.place().0) {
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, settings)) => *settings += 1,
            None => files.push((path, 1)),
        }
    }
    let is_empty = |path: &Path| match super::file::read_bounded(path, FILE_BYTES_MAX) {
        Ok(text) => text.trim_ascii().is_empty(),
        Err(ConfigError::Io { source, .. }) => source.kind() == std::io::ErrorKind::NotFound,
        Err(_) => false,
    };
    let emptied = files.into_iter().filter(|(path, _)| is_empty(path));
    emptied.map(|(path, settings)| ConfigError::Emptied { path: path.to_owned(), settings }).collect()
}

/// Where the copies are.
pub(super) fn settings_copy(data: &Path) -> Kept {
    Kept::new(data, SETTINGS_NAME, FILE_BYTES_MAX)
}

pub(super) fn secrets_copy(data: &Path) -> Kept {
    Kept::new(data, SECRETS_NAME, FILE_BYTES_MAX)
}

fn write(kept: &Kept, text: &[u8]) -> Result<(), String> {
    kept.write(text).map_err(|error| format!("{}: {error}", kept.path().display()))
}
