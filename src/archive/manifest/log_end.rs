//! Where the archive ends in a log.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::archive::hour::Hour;
use crate::log::read::merge::MergePosition;

/// For how long a segment may be written after it was made, and more.
const SEGMENT_US_MAX: u64 = 30 * 24 * 3_600_000_000;

/// Segments by core.
pub type Segments = BTreeMap<u16, BTreeSet<u64>>;

/// Where the archive ends in a log. An archive has one for each log that was in its data folder: if an earlier one is put back, it goes on there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEnd {
    /// The position.
    pub to: MergePosition,
    /// The segments before it that could not be read as a whole: the archive may lack records of theirs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: Segments,
}

/// Where the archive ends in each log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogEnds {
    /// In the log that it was extended from last; `None` before the first chunk.
    pub last: Option<LogEnd>,
    /// In others, in the order in which they were left.
    pub earlier: Vec<LogEnd>,
}

impl LogEnds {
    /// In this log; `None` if nothing of it is in the archive.
    pub fn of(&self, log: Uuid) -> Option<&LogEnd> {
        self.last.iter().chain(&self.earlier).find(|end| end.to.log == log)
    }

    /// Up to where the log that was archived last is in the archive.
    pub fn to(&self) -> Option<&MergePosition> {
        self.last.as_ref().map(|end| &end.to)
    }

    /// Moves the end of a log, to which these segments were not read as a whole.
    pub(in crate::archive) fn extend(&mut self, to: MergePosition, unread: &Segments) {
        let log = to.log;
        let mut end = self.of(log).cloned().unwrap_or_else(|| LogEnd { to: to.clone(), unread: Segments::new() });
        end.to = to;
        for (core, segments) in unread {
            end.unread.entry(*core).or_default().extend(segments);
        }
        self.earlier.retain(|end| end.to.log != log);
        self.earlier.extend(self.last.replace(end).filter(|last| last.to.log != log));
    }

    /// Forgets segments of the log that was archived last, if the archive has nothing from their time any more, and the log does not have them either.
    /// `oldest` is the archive's oldest day.
    pub(in crate::archive) fn forget(&mut self, oldest: &str, is_in_log: impl Fn(u16, u64) -> bool) {
        let Some(last) = &mut self.last else { return };
        let ended = |segment: u64| Hour::of_us(segment.saturating_add(SEGMENT_US_MAX)).date_and_hour().0;
        last.unread.retain(|&core, segments| {
            segments.retain(|&segment| *ended(segment) >= *oldest || is_in_log(core, segment));
            !segments.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(log: u128, segment: u64) -> MergePosition {
        let place = crate::log::read::merge::Place { segment, offset: 0 };
        MergePosition { log: Uuid::from_u128(log), cores: [(0, place)].into(), behind: BTreeMap::new() }
    }

    #[test]
    fn a_log_that_comes_back_goes_on_where_it_ended() {
        let mut ends = LogEnds::default();
        let unread = |segment| Segments::from([(0, BTreeSet::from([segment]))]);
        ends.extend(position(1, 10), &unread(7));
        ends.extend(position(1, 20), &Segments::new());
        ends.extend(position(2, 5), &unread(3));
        assert_eq!(ends.to(), Some(&position(2, 5)));
        assert_eq!(ends.of(Uuid::from_u128(1)), Some(&LogEnd { to: position(1, 20), unread: unread(7) }));
        ends.extend(position(1, 30), &unread(25));
        assert_eq!((ends.to(), ends.earlier.len()), (Some(&position(1, 30)), 1));
        let both = Segments::from([(0, BTreeSet::from([7, 25]))]);
        assert_eq!(ends.of(Uuid::from_u128(1)).map(|end| &end.unread), Some(&both));
        assert_eq!(ends.of(Uuid::from_u128(2)).map(|end| &end.to), Some(&position(2, 5)));
    }

    #[test]
    fn a_segment_that_is_in_neither_log_nor_archive_is_forgotten() {
        let day = 24 * 3_600_000_000;
        let mut ends = LogEnds::default();
        ends.extend(position(1, 90 * day), &[(0, [day, 2 * day, 89 * day].into()), (1, [day].into())].into());
        ends.forget("1970-03-22", |core, segment| (core, segment) == (0, 2 * day));
        let unread = ends.last.map(|last| last.unread);
        assert_eq!(unread, Some([(0, [2 * day, 89 * day].into())].into()));
    }
}
