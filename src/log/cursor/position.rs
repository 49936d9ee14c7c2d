//! What a position in the merge has passed and what it has not, and the positions at both ends of a log.

use std::collections::BTreeMap;

use crate::log::error::LogError;
use crate::log::format::ledger::Ledger;
use crate::log::format::position::{MergePosition, Place};
use crate::log::read::reader::{LogReader, SegmentState, core_dirs};

/// Where a new consumer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With the oldest record that is still there.
    Start,
    /// With what comes next.
    End,
}

/// Whether a position is past the end of a segment of this length.
pub fn has_passed(position: &MergePosition, core: u16, segment: u64, bytes: u64) -> bool {
    let place = position.cores.get(&core);
    place.is_some_and(|place| place.segment > segment || (place.segment == segment && place.offset >= bytes))
}

/// How many of a segment's bytes a position has not passed.
pub fn unread_bytes(position: &MergePosition, core: u16, segment: u64, bytes: u64) -> u64 {
    if has_passed(position, core, segment, bytes) {
        return 0;
    }
    let place = position.cores.get(&core).filter(|place| place.segment == segment);
    bytes - place.map_or(0, |place| place.offset.min(bytes))
}

/// The position at one end of the log as it is now. It names every core that has, or had, records.
pub fn position_at(reader: &LogReader, from: From) -> Result<MergePosition, LogError> {
    let mut cores: BTreeMap<u16, Place> = BTreeMap::new();
    for (core, dir) in core_dirs(reader.dir())? {
        // If everything was deleted: after the newest segment that there was.
        if let Some(place) = Ledger::read(&dir).newest_place(reader.now_us()) {
            cores.insert(core, place);
        }
    }
    for segment in reader.segments()? {
        let place = match from {
            From::Start => Place { segment: segment.id, offset: 0 },
            // A segment that is only prepared comes after the one still being written.
            From::End if segment.state == SegmentState::Ready => continue,
            From::End => Place { segment: segment.id, offset: segment.bytes },
        };
        let known = cores.entry(segment.core).or_insert(place);
        match from {
            From::Start => *known = place.min(*known),
            From::End => *known = place.max(*known),
        }
    }
    Ok(MergePosition { log: reader.log_uuid(), cores, behind: BTreeMap::new() })
}
