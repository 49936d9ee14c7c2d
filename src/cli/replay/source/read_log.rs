//! The records of a log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::cli::error::CliError;
use crate::cli::log_folder;
use crate::log::format::record::Record;
use crate::log::read::merge::{Merge, MergePosition, RepeatWindow};
use crate::log::read::reader::{LogReader, SegmentInfo};

use super::counts::ReadCounts;
use super::means::Means;
use super::sink::{Sink, Unwanted};
use super::wanted::{Lies, Wanted};

/// Where reading begins.
#[derive(Debug, Clone)]
pub enum Begin {
    /// With the first record that is wanted.
    First,
    /// Where the archive ends, if that is not before what is wanted.
    #[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives need it"))]
    Behind {
        /// The archive's end.
        position: MergePosition,
        /// The newest time in the archive, in microseconds.
        last_us: u64,
    },
}

/// Reads what is wanted of a log into the sink. Returns the merge, which knows what was left out.
///
/// # Errors
/// The log can't be read.
pub fn read_log(
    reader: LogReader,
    begin: &Begin,
    wanted: &Wanted,
    means: &Means,
    sink: &mut Sink,
) -> Result<Merge, CliError> {
    let counts = &*means.counts;
    let mut passed = Passed::of(&reader, begin, wanted, counts)?;
    let mut merge = log_folder::choose_repeats(merge(reader, begin, wanted)?, wanted.with_repeats);
    while let Some(record) = merge.next_settled()? {
        if means.is_stopping() {
            break;
        }
        passed.pass(&record, counts);
        match wanted.lies(record.order_us, record.id) {
            Lies::Before => continue,
            Lies::Behind => break,
            Lies::Within => {}
        }
        if !wanted.chooses(&record) {
            counts.leave_out(1);
            continue;
        }
        if let Err(Unwanted) = sink.copy(&record) {
            return Ok(merge);
        }
    }
    // Whether it is still wanted is the same now.
    let _ = sink.flush();
    Ok(merge)
}

fn merge(reader: LogReader, begin: &Begin, wanted: &Wanted) -> Result<Merge, CliError> {
    let first_us = wanted.first_us();
    if let Begin::Behind { position, last_us } = begin
        && first_us <= *last_us
    {
        return Ok(Merge::resume(reader, position)?);
    }
    if first_us == 0 {
        return Ok(Merge::new(reader));
    }
    // The first sending of a repeat may lie before.
    let window_us = u64::try_from(RepeatWindow::default().time.as_micros()).unwrap_or(u64::MAX);
    Ok(Merge::since(reader, first_us.saturating_sub(window_us))?)
}

/// How far each segment has been read.
struct Passed {
    ends: HashMap<(u16, u64), u64>,
}

impl Passed {
    /// Expects the segments that have something of what is wanted.
    fn of(reader: &LogReader, begin: &Begin, wanted: &Wanted, counts: &ReadCounts) -> Result<Self, CliError> {
        let mut ends = HashMap::new();
        for segment in reader.segments()? {
            let from = match begin {
                Begin::First => 0,
                Begin::Behind { position, .. } => match position.cores.get(&segment.core) {
                    Some(place) if segment.id < place.segment => segment.bytes,
                    Some(place) if segment.id == place.segment => place.offset,
                    _ => 0,
                },
            };
            let from = if may_have(&segment, wanted) { from } else { segment.bytes };
            counts.expect(segment.bytes.saturating_sub(from));
            ends.insert((segment.core, segment.id), from);
        }
        Ok(Self { ends })
    }

    fn pass(&mut self, record: &Record<'_>, counts: &ReadCounts) {
        let end = record.id.offset + record.payload.len() as u64;
        match self.ends.entry((record.id.core, record.id.segment)) {
            Entry::Occupied(mut known) if *known.get() < end => {
                counts.pass(end - *known.get());
                known.insert(end);
            }
            Entry::Occupied(_) => {}
            // Made since.
            Entry::Vacant(unknown) => {
                counts.pass(end);
                unknown.insert(end);
            }
        }
    }
}

/// Whether a segment may have something of what is wanted, by its times.
fn may_have(segment: &SegmentInfo, wanted: &Wanted) -> bool {
    let Some(sidecar) = &segment.sidecar else { return true };
    sidecar.last_us >= wanted.first_us() && sidecar.first_us <= wanted.last_us()
}
