//! Files for tests.

use super::file_entry::{FileEntry, Places};

/// A file that nothing but its name is known of.
pub fn entry(table: &str, date: &str, hour: &str, number: u64) -> FileEntry {
    FileEntry {
        path: format!("{table}/date={date}/hour={hour}/{:020}-{number}.parquet", 7),
        table: table.into(),
        date: date.into(),
        hour: hour.into(),
        log: "7a1f6c86-3a0c-4f61-9f5a-0d5be2d3c001".into(),
        from: Places::from([(0, (1, number))]),
        to: Places::from([(0, (1, number + 1))]),
        rows: 10,
        bytes: 100,
        inflated_bytes: 1000,
        largest_row: 0,
        blake3: String::new(),
        first_us: 0,
        last_us: 0,
        received_us: 0,
        first_session: (1, 1),
        last_session: (1, 1),
        merged_from: 0,
    }
}
