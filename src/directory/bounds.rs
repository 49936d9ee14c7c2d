//! Bounds of what `projects.toml` may hold, for all its tables.

/// What Postgres' `int` holds: ids and sizes go there one day.
pub(super) const INT_MAX: u32 = i32::MAX as u32;
/// Longest name or title of anything, in characters: what OpenReplay's columns hold.
pub(super) const NAME_CHARS_MAX: usize = 255;
