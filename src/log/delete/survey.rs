//! What the deleting thread would do now, found out from the files: beside a running server, or without one.
//!
//! The decision is [`plan()`], which the thread asks too, with what it would ask it with. Nothing is changed.

use crate::log::clock::times::Times;
use crate::log::cursor::Cursors;
use crate::log::error::LogError;
use crate::log::read::reader::LogReader;
use crate::log::retain::stays::{Stay, stays};
use crate::log::retain::{Deletion, Look, Rules, plan};

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
/// The log's folders or the cursors can't be read.
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
        missing_bytes: missing_bytes(reader.dir(), low_water_bytes)?,
        now_us: reader.now_us(),
        earliest_us: times.earliest_us,
    };
    let goes = plan(&look);
    let stays = stays(&look, &names, times.latest_us, &goes);
    let sealed: u64 = inventory.segments.iter().map(|segment| segment.bytes).sum();
    Ok(Survey { goes, stays, begun: inventory.begun, log_bytes: sealed + inventory.other_bytes, times })
}
