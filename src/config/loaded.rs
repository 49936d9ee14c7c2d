//! A configuration after reading, with the origin of each value.

use std::path::PathBuf;

use super::old_variables::OldVariableEffect;
use super::origin::Origin;
use super::settings::{Config, row_of};

/// A configuration, and what the operator should know about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What looks like a mistake but may not be one.
    pub warnings: Vec<String>,
    /// Where each setting comes from and how it was written there, in the order of [`SETTINGS`](super::SETTINGS).
    pub chosen: Vec<Chosen>,
    /// OpenReplay's variables that are set, and the effect of each.
    pub old_variables: Vec<OldVariableEffect>,
    /// Settings of [`Sources::remembered`](super::Sources::remembered) that are no longer set, or that are set in a last line without a
    /// line break.
    pub missing: Vec<&'static str>,
}

/// The text of a setting, and where it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// As written.
    pub text: String,
    /// Its origin.
    pub origin: Origin,
}

impl Loaded {
    /// How a setting was written, and where.
    pub fn chosen(&self, name: &str) -> Option<&Chosen> {
        self.chosen.get(row_of(name)?)
    }
}
