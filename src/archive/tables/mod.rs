//! The tables' columns and rows, a file each.

use super::table::Table;

pub mod activity;
pub mod batches;
pub mod events;
pub mod sessions;

/// The version of all tables' columns. A reader that knows a version can read files of any smaller one: columns are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// Every table.
pub const ALL: [Table; 5] =
    [batches::BATCHES, batches::RECORDS, sessions::SESSIONS, activity::ACTIVITY, events::EVENTS];

#[cfg(test)]
mod tests;
