//! The environment, with the file that `CONFIG_FILE_PATH` names laid over it.
//!
//! OpenReplay's services read such a file of `KEY=value` lines: a value ends at a second `=`, quotes and comments are not supported, and
//! only some variables can be set in it. The same holds here; a line without effect is reported.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::origin::Origin;
use super::settings::SETTINGS;
use super::sources::Sources;
use super::{file, old_variables};

/// OpenReplay's variable that names the file.
const FILE_VARIABLE: &str = "CONFIG_FILE_PATH";

/// A larger file is not a file of variables.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Every variable that is set, and where.
#[derive(Debug, Default)]
pub(super) struct Environment {
    values: BTreeMap<String, (OsString, Origin)>,
    /// What is wrong with the file.
    pub faults: Vec<ConfigError>,
    /// Lines of it without effect.
    pub warnings: Vec<String>,
}

impl Environment {
    /// Lays the file over the variables.
    pub fn of(sources: &Sources) -> Environment {
        let of_process =
            sources.environment.iter().map(|(name, value)| (name.clone(), (value.clone(), Origin::variable(name))));
        let mut environment = Environment { values: of_process.collect(), ..Environment::default() };
        if let Some((path, _)) = environment.get(FILE_VARIABLE) {
            let path = PathBuf::from(path);
            environment.lay_over(&path);
        }
        environment
    }

    /// A variable that is set and not empty, and where. An empty one counts as not set, because deployment templates leave those.
    pub fn get(&self, name: &str) -> Option<(&OsString, &Origin)> {
        self.even_empty(name).filter(|(value, _)| !value.is_empty())
    }

    /// A variable that is set, even to an empty value.
    pub fn even_empty(&self, name: &str) -> Option<(&OsString, &Origin)> {
        self.values.get(name).map(|(value, origin)| (value, origin))
    }

    /// The text of a variable that is set and not empty; one that is not UTF-8 is an invalid value of `setting`.
    pub fn text(&self, name: &str, setting: &str) -> Option<Result<(&str, &Origin), ConfigError>> {
        let (value, origin) = self.get(name)?;
        Some(value.to_str().map(|text| (text, origin)).ok_or_else(|| ConfigError::Invalid {
            origin: origin.clone(),
            key: setting.to_owned(),
            value: value.to_string_lossy().into_owned(),
            problem: "this is not UTF-8".to_owned(),
        }))
    }

    fn lay_over(&mut self, path: &Path) {
        let text = match file::read_bounded(path, FILE_BYTES_MAX) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return self.faults.push(error),
        };
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let origin = Origin::VariableFile { path: path.to_owned(), line: at + 1 };
            let mut parts = line.split('=');
            let (Some(name), Some(value)) = (parts.next().map(str::trim), parts.next().map(str::trim)) else {
                self.warnings.push(format!("{origin}: this line has no effect: it is not KEY=value"));
                continue;
            };
            let reached = match old_variables::find(name) {
                Some(row) => row.in_file,
                None => SETTINGS.iter().any(|setting| setting.env_name() == name),
            };
            if !reached {
                self.warnings.push(format!("{origin}: {name} has no effect in this file"));
            } else if parts.next().is_some() {
                self.warnings.push(format!("{origin}: the value of {name} is cut at its second \"=\""));
            }
            if reached && !value.is_empty() {
                self.values.insert(name.to_owned(), (value.into(), origin));
            }
        }
    }
}
