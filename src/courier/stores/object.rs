//! Objects as a store lists them.

use std::time::SystemTime;

/// An object in a list. Its name is below the store's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// A part of a list.
#[derive(Debug, Default)]
pub struct ObjectPage {
    /// The objects.
    pub objects: Vec<Object>,
    /// The folders, without a slash at their ends.
    pub folders: Vec<String>,
    /// How to ask for what comes next; `None` at the end.
    pub next: Option<String>,
}
