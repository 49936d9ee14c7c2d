//! The project of what was stored before its session was known.
//!
//! A server that starts, or one that did not give a session out, may store a batch with project 0. The session's start says which it is, and
//! lies before it in the merged order: so the merge hands the record out with that project. One that resumes has not seen the starts
//! before its place, and looks for them in the log, once.

use std::collections::HashMap;

use crate::log::error::LogError;
use crate::log::format::record::{Kind, Record};
use crate::log::read::reader::{LogReader, SegmentInfo, SegmentReader};

/// Sessions remembered: at least this many, at most twice as many.
const SESSIONS_MAX: usize = 1 << 17;

/// How far before a record its session's start is looked for: no token lives longer by default.
const BACK_US: u64 = 24 * 3_600_000_000;

/// What the starts have said about the most recent sessions.
#[derive(Debug, Default)]
pub(super) struct Projects {
    young: HashMap<u64, u32>,
    old: HashMap<u64, u32>,
    /// What lies before the place where this merge began has been read.
    looked_back: bool,
}

impl Projects {
    /// Records a start.
    pub(super) fn note(&mut self, start: &Record<'_>) {
        self.insert(start.session, start.project);
    }

    /// The project of a session, 0 if no start tells.
    pub(super) fn of(&mut self, session: u64) -> u32 {
        if let Some(&project) = self.young.get(&session) {
            return project;
        }
        let project = self.old.get(&session).copied().unwrap_or(0);
        if project != 0 {
            self.insert(session, project);
        }
        project
    }

    /// Reads the starts that lie before the place where the merge began, in the first call only. What can't be read tells nothing.
    pub(super) fn look_back(&mut self, log: &LogReader, order_us: u64) {
        if std::mem::replace(&mut self.looked_back, true) {
            return;
        }
        let Ok(mut segments) = log.segments() else { return };
        segments.retain(|segment| may_tell(segment, order_us));
        // The newest first, so that what is nearest is known where there are too many.
        segments.sort_by_key(|segment| std::cmp::Reverse(segment.id));
        for segment in segments {
            // What cannot be read of one says nothing about the others.
            let _ = self.read(&segment);
            if self.young.len() >= SESSIONS_MAX {
                break;
            }
        }
    }

    fn read(&mut self, segment: &SegmentInfo) -> Result<(), LogError> {
        let mut reader = SegmentReader::open(segment)?;
        while self.young.len() < SESSIONS_MAX {
            match reader.next() {
                Ok(Some(record)) if record.kind == Kind::Start => {
                    self.young.entry(record.session).or_insert(record.project);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(LogError::Damaged { .. }) => drop(reader.resync()?),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn insert(&mut self, session: u64, project: u32) {
        if self.young.len() >= SESSIONS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(session, project);
    }
}

fn may_tell(segment: &SegmentInfo, order_us: u64) -> bool {
    let near = |first_us: u64, last_us: u64| first_us <= order_us && last_us.saturating_add(BACK_US) >= order_us;
    segment.bytes > 0
        && segment.sidecar.as_ref().is_none_or(|sidecar| sidecar.starts > 0 && near(sidecar.first_us, sidecar.last_us))
}

#[cfg(test)]
mod tests {
    use crate::log::format::record::Entry;
    use crate::log::read::merge::{Merge, MergePosition};
    use crate::log::read::reader::hand::{HandSegment, temp_dir, write_log_file};

    use super::*;

    fn rest(merge: &mut Merge) -> Vec<(u64, u32)> {
        let mut out = Vec::new();
        while let Some(record) = merge.next().unwrap() {
            out.push((record.order_us, record.project));
        }
        out
    }

    #[test]
    fn a_batch_stored_before_its_session_was_known_leaves_with_the_sessions_project() {
        let dir = temp_dir();
        write_log_file(dir.path());
        let (mut first, mut second) = (HandSegment::new(0, 10), HandSegment::new(1, 11));
        let entry = HandSegment::entry(b"a body");
        first.record(101, &Entry { session: 7, project: 3, kind: Kind::Start, ..entry });
        second.record(102, &Entry { session: 7, project: 0, ..entry });
        second.record(103, &Entry { session: 8, project: 0, ..entry });
        first.record(104, &Entry { session: 7, project: 4, ..entry });
        first.record(105, &Entry { session: 7, project: 0, kind: Kind::Image, ..entry });
        first.write_sealed(dir.path());
        second.write_sealed(dir.path());
        let open = || LogReader::open(dir.path()).unwrap();
        let mut merge = Merge::new(open());
        assert_eq!(merge.next().unwrap().map(|record| record.project), Some(3));
        let place: MergePosition = merge.position();
        let expected = [(102, 3), (103, 0), (104, 4), (105, 3)];
        assert_eq!(rest(&mut merge), expected);
        let mut resumed = Merge::resume(open(), &MergePosition { behind: Default::default(), ..place }).unwrap();
        assert_eq!(rest(&mut resumed), expected, "the start lies before the place");
        let mut since = Merge::since(open(), 102).unwrap();
        assert_eq!(rest(&mut since), expected);
    }
}
