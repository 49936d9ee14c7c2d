//! What the deleting thread would do now, found out from the files: beside a running server, or without one.
//!
//! The decision is [`plan()`], which the thread asks too, with what it would ask it with. Nothing is changed.

use std::collections::BTreeMap;

use crate::log::clock::times::Times;
use crate::log::cursor::Cursors;
use crate::log::error::LogError;
use crate::log::names::{SEALED, core_dir, file_name};
use crate::log::read::reader::LogReader;
use crate::log::retain::archived::why_not;
use crate::log::retain::stays::{Stay, Why, stays};
use crate::log::retain::{Deletion, Ids, InArchive, Look, Rules, archived, plan};

use super::as_sealed::is_as_sealed;
use super::inventory::{Inventory, Known, holders, missing_bytes};

/// What would be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The segments that go, in this order.
    pub goes: Vec<Deletion>,
    /// The segments that stay, oldest first.
    pub stays: Vec<Stay>,
    /// Segments whose deletion was begun and is finished first: core, id, and the bytes that are left.
    pub begun: Vec<(u16, u64, u64)>,
    /// The bytes of the log: sealed, being written, made ready, being deleted.
    pub log_bytes: u64,
    /// What the time is taken for.
    pub times: Times,
}

/// Looks at a log as a server with these rules would, for which the disk is nearly full below `low_water_bytes`.
///
/// # Errors
/// The log's folders, the cursors, or a segment that may leave for being archived can't be read.
pub fn survey(reader: &LogReader, rules: &Rules, low_water_bytes: u64) -> Result<Survey, LogError> {
    let inventory = Inventory::take(reader.dir(), reader.log_uuid(), &mut Known::default())?;
    let (names, holding) = holders(&Cursors::of(reader).list()?);
    let newest_us = inventory.segments.iter().filter_map(|segment| Some(segment.facts.as_ref()?.last_us)).max();
    let is_served = crate::log::is_served(reader.dir());
    let times = Times::find(reader.dir(), is_served, newest_us.unwrap_or(0));
    let look = Look {
        segments: &inventory.segments,
        other_bytes: inventory.other_bytes,
        holding: &holding,
        retain: &rules.retain,
        full_disk: rules.full_disk,
        missing_bytes: missing_bytes(reader.dir(), low_water_bytes, inventory.spare_bytes())?,
        now_us: reader.now_us(),
        earliest_us: times.earliest_us,
    };
    let mut goes = plan(&look);
    let kept = match &rules.archive {
        Some(archive) => until_archived(reader, &look, &names, archive, &mut goes)?,
        None => BTreeMap::new(),
    };
    let mut stays = stays(&look, &names, times.latest_us, &goes);
    for stay in stays.iter_mut().filter(|stay| !matches!(stay.why, Why::Newest | Why::Doubt)) {
        if let Some(why) = kept.get(&(stay.core, stay.id)) {
            stay.why = why.clone();
        }
    }
    let sealed: u64 = inventory.segments.iter().map(|segment| segment.bytes).sum();
    Ok(Survey { goes, stays, begun: inventory.begun, log_bytes: sealed + inventory.other_bytes, times })
}

/// Adds what goes because it is in the archive, and tells why the rest does not. Each of these segments is read, as it is before its deletion.
fn until_archived(
    reader: &LogReader,
    look: &Look<'_>,
    names: &[String],
    archive: &InArchive,
    goes: &mut Vec<Deletion>,
) -> Result<BTreeMap<(u16, u64), Why>, LogError> {
    let mut altered = Ids::new();
    for deletion in archived(look, goes, &altered, archive).go {
        let path = core_dir(reader.dir(), deletion.core).join(file_name(deletion.id, SEALED));
        match is_as_sealed(&path) {
            Ok(true) => goes.push(deletion),
            // A server has deleted it since it was listed.
            _ if matches!(path.try_exists(), Ok(false)) => goes.push(deletion),
            Ok(false) => drop(altered.insert((deletion.core, deletion.id))),
            Err(error) => return Err(error),
        }
    }
    Ok(why_not(look, names, &altered, archive))
}
