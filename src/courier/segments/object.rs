//! Objects as a store lists them.

use std::time::SystemTime;

/// An object in a list. Its name is below the store's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

/// A part of a list.
#[derive(Debug, Default)]
pub(super) struct ObjectPage {
    pub(super) objects: Vec<Object>,
    /// The folders, without a slash at their ends.
    pub(super) folders: Vec<String>,
    /// How to ask for what comes next; `None` at the end.
    pub(super) next: Option<String>,
}
