//! Where settings come from: what is read before anything is parsed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::CONFIG_FILE;
use super::origin::Origin;

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The data folder.
    pub data: PathBuf,
    /// The file to read; `None` reads `takeup.toml` in the data folder, if there is one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, OsString>,
    /// The options of the command line: the option as written (`--listen`), the setting, the value.
    pub options: Vec<(String, String, String)>,
    /// What the files said before. A live setting among these keeps its remembered value when neither the files nor a source of higher
    /// precedence sets it any more. Other settings do not: a running server could not change them back later.
    pub remembered: Vec<Remembered>,
    /// Report remembered settings that are missing, but don't apply their values.
    pub ignore_remembered: bool,
    /// Ignore a setting in a last line without a line break: the file may still be being written.
    pub doubt_unended: bool,
}

/// A setting that a file held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The setting.
    pub name: &'static str,
    /// Its value as written.
    pub text: String,
    /// The line of the file.
    pub origin: Origin,
}

impl Sources {
    /// The data folder, and the environment of this process.
    pub fn of_process(data: &Path) -> Sources {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Sources { data: data.to_owned(), environment, ..Sources::default() }
    }

    /// The settings file: the one named explicitly, else the data folder's, whether it exists or not.
    pub fn settings_file(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| self.data.join(CONFIG_FILE))
    }

    /// The settings files and the files of variables, whether they exist or not.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.settings_file()];
        files.extend(self.environment.get("CONFIG_FILE_PATH").filter(|path| !path.is_empty()).map(PathBuf::from));
        files
    }
}
