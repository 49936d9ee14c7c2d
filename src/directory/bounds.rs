//! Bounds on the contents of `projects.toml`, shared by all its tables.

/// The maximum of Postgres' `int`: ids and sizes may be stored in one.
pub(super) const INT_MAX: u32 = i32::MAX as u32;
/// The longest name or title of anything, in characters: the width of OpenReplay's columns.
pub(super) const NAME_CHARS_MAX: usize = 255;
