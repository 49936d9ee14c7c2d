//! Names of files: `takeup-<time>-<log>-<core>-<segment>-<offset>.ndjson`, with `.part` behind it while the file grows.
//!
//! The time is that at which the file was begun (UTC, to the microsecond), the rest is the position of its first record in the log. Names sort by
//! time.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::log::format::record::RecordId;

const PREFIX: &str = "takeup-";
const SUFFIX: &str = ".ndjson";
const PART_SUFFIX: &str = ".ndjson.part";
const TIME: &str = "%Y%m%dT%H%M%S%.6fZ";

/// The name of a file, without a suffix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    stem: String,
    begun_us: i64,
}

impl FileName {
    /// The name of a file that begins now with this record.
    pub(super) fn new(begun_us: i64, first: &RecordId) -> Self {
        let time = Timestamp::from_microsecond(begun_us).unwrap_or_default().strftime(TIME).to_string();
        let RecordId { log, core, segment, offset } = first;
        Self { stem: format!("{PREFIX}{time}-{}-{core}-{segment}-{offset}", log_mark(log)), begun_us }
    }

    /// The name of a file of this log, and whether it still grows. `None`: it is another file.
    pub(super) fn parse(name: &str, log: &uuid::Uuid) -> Option<(Self, bool)> {
        let (stem, is_part) = match name.strip_suffix(PART_SUFFIX) {
            Some(stem) => (stem, true),
            None => (name.strip_suffix(SUFFIX)?, false),
        };
        let mut parts = stem.strip_prefix(PREFIX)?.split('-');
        let time = DateTime::strptime(TIME, parts.next()?).ok()?;
        if parts.next()? != log_mark(log) || parts.count() != 3 {
            return None;
        }
        let begun_us = TimeZone::UTC.to_timestamp(time).ok()?.as_microsecond();
        Some((Self { stem: stem.to_owned(), begun_us }, is_part))
    }

    /// When the file was begun, us since the Unix epoch.
    pub(super) fn begun_us(&self) -> i64 {
        self.begun_us
    }

    /// The path of the growing file.
    pub(super) fn part_path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}{PART_SUFFIX}", self.stem))
    }

    /// The path of the finished file.
    pub(super) fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}{SUFFIX}", self.stem))
    }
}

/// Tells the files of several takeups in one folder apart.
fn log_mark(log: &uuid::Uuid) -> String {
    let mut text = log.simple().to_string();
    text.truncate(8);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_other_files_are_left_alone() {
        let log = uuid::Uuid::from_u128(0xb7ed_44a2_a986_497d_a879_cb86_2554_e15c);
        let first = RecordId { log, core: 3, segment: 1_795_581_263_307_359, offset: 4096 };
        let name = FileName::new(1_795_581_300_000_042, &first);
        let dir = Path::new("/out");
        let text = name.path(dir).file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(text, "takeup-20261125T043500.000042Z-b7ed44a2-3-1795581263307359-4096.ndjson");
        assert_eq!(FileName::parse(&text, &log), Some((name.clone(), false)));
        assert_eq!(FileName::parse(&format!("{text}.part"), &log), Some((name, true)));
        for other in ["", "takeup-.ndjson", "notes.ndjson", "takeup-20261125T043500.000042Z-b7ed44a2-3-1.ndjson.part"] {
            assert_eq!(FileName::parse(other, &log), None, "{other}");
        }
        assert_eq!(FileName::parse(&text, &uuid::Uuid::from_u128(5)), None, "another takeup's");
    }
}
