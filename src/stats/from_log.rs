//! Counts the records of the log.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codec::inflate::{InflateError, Inflater};
use crate::log::format::record::{Flags, Kind, Record};
use crate::log::read::merge::Merge;
use crate::records::{Source, Start, coding_of};

use super::by::Client;
use super::collector::{Arrival, Collector, What};
use super::error::StatsError;

/// How often progress is told, in records.
const TELL_EVERY: u64 = 1024;

/// Counts what a merge hands out, up to the log's durable end or the end of the range. A payload that inflates to more than `inflated_max` bytes
/// counts as it was received, as it does in the archive. `tell` is told the number of records from time to time.
///
/// # Errors
/// Those of the log; too many sessions.
pub fn count_log(
    merge: &mut Merge,
    inflated_max: usize,
    collector: &mut Collector,
    tell: &mut dyn FnMut(u64),
) -> Result<(), StatsError> {
    let mut inflater = Inflater::default();
    let mut records = 0;
    while let Some(record) = merge.next_settled()? {
        if record.order_us >= collector.range().until_us {
            return Ok(());
        }
        records += 1;
        if records % TELL_EVERY == 0 {
            tell(records);
        }
        count(&record, inflated_max, &mut inflater, collector)?;
    }
    Ok(())
}

fn count(
    record: &Record<'_>,
    inflated_max: usize,
    inflater: &mut Inflater,
    collector: &mut Collector,
) -> Result<(), StatsError> {
    let what = match record.kind {
        Kind::Pad | Kind::Tombstone => return Ok(()),
        Kind::Batch | Kind::Sdk => What::Batch,
        Kind::Image => What::Images,
        Kind::Start | Kind::Row | Kind::Recording => What::Other,
    };
    if record.kind == Kind::Start && collector.property().is_some() && collector.range().has_project(record.project) {
        describe(record, collector)?;
    }
    if !collector.range().has(record.project, record.order_us) {
        return Ok(());
    }
    collector.count(&Arrival {
        project: record.project,
        session: record.session,
        received_us: record.order_us,
        what,
        stored_bytes: record.payload.len() as u64,
        inflated_bytes: inflated_bytes(record, inflated_max, inflater),
    })?;
    Ok(())
}

fn describe(record: &Record<'_>, collector: &mut Collector) -> Result<(), StatsError> {
    let Some(start) = Start::read(record) else { return Ok(()) };
    // A row that can't be read says nothing.
    let Some(row) = start.row() else { return Ok(()) };
    let client = Client {
        browser: &row.browser,
        country: &row.country,
        os: &row.os,
        device: &row.device,
        device_type: &row.device_type,
        kind: match start.source {
            Source::Web => "web",
            Source::Mobile => "mobile",
            Source::Sdk => "sdk",
        },
        tracker_version: &row.tracker_version,
        user: &row.user_id,
    };
    Ok(collector.describe(record.session, record.order_us, &client, true)?)
}

/// What a payload is inflated; as received, if it can't be inflated, as in the archive.
fn inflated_bytes(record: &Record<'_>, limit: usize, inflater: &mut Inflater) -> u64 {
    let as_received = record.payload.len() as u64;
    let Some(coding) = coding_of(record.encoding).filter(|_| !record.flags.contains(Flags::UNUSABLE)) else {
        return as_received;
    };
    let mut made = 0;
    let count = |piece: &[u8]| {
        made += piece.len() as u64;
        Ok::<_, InflateError>(())
    };
    // A body on which a decoder panics must not end the counting.
    match catch_unwind(AssertUnwindSafe(|| inflater.pieces(coding, record.payload, limit, count))) {
        Ok(Ok(())) => made,
        Ok(Err(_)) => as_received,
        Err(_) => {
            *inflater = Inflater::default();
            as_received
        }
    }
}
