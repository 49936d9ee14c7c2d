//! Which destinations had read the erased records.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::courier::goes_on_at;
use crate::log::cursor::Cursors;
use crate::log::erase::Found;

use super::error::EraseError;
use super::receipt::{DestinationReport, Findings, NotReached};
use super::server::LogUser;

/// Consumers that deliver no records: the archive's copy in an object store is a place of its own in the receipt.
const INSIDE: [&str; 3] = ["checker", "compactor", "courier-archive"];

/// The courier that copies whole segments to an object store: what it has copied is a copy of the log, which is erased from as the log is.
const SEGMENTS: &str = "courier-segments";

/// The next record of each core, as segment and offset.
type Passed = BTreeMap<u16, (u64, u64)>;

/// The erased records by core: where they were. Sorted when asked for.
#[derive(Debug, Default)]
pub struct ErasedPlaces {
    cores: HashMap<u16, Vec<(u64, u64)>>,
    count: u64,
}

impl ErasedPlaces {
    /// Adds one.
    pub fn add(&mut self, found: &Found) {
        self.count += 1;
        self.cores.entry(found.core).or_default().push((found.segment, found.offset));
    }

    fn passed_by(&self, passed: &Passed) -> u64 {
        let of_core = |(core, places): (&u16, &Vec<(u64, u64)>)| {
            let Some(next) = passed.get(core) else { return 0 };
            places.iter().filter(|place| *place < next).count() as u64
        };
        self.cores.iter().map(of_core).sum()
    }
}

/// What each consumer had read of these, as its saved cursor or the server says.
///
/// # Errors
/// The cursors can't be listed.
pub fn destinations(
    data: &Path,
    cursors: &Cursors,
    readers: &[LogUser],
    erased: &ErasedPlaces,
) -> Result<Vec<DestinationReport>, EraseError> {
    let mut all = Vec::new();
    for listed in cursors.list()? {
        if INSIDE.contains(&listed.name.as_str()) {
            continue;
        }
        let reader = readers.iter().find(|reader| reader.name == listed.name);
        let saved = listed.cursor.ok().map(|cursor| {
            let at = goes_on_at(data, &cursor.consumer, cursor.position);
            at.cores.into_iter().map(|(core, place)| (core, (place.segment, place.offset))).collect::<Passed>()
        });
        let passed = reader.and_then(|reader| reader.passed.clone()).or(saved);
        let records = passed.as_ref().map_or(0, |passed| erased.passed_by(passed));
        let told = match passed {
            None => "unknown",
            Some(_) if records == 0 => "none",
            Some(_) if records == erased.count => "all",
            Some(_) => "some",
        };
        let may_follow = reader.is_some_and(|reader| !reader.reread);
        all.push(DestinationReport { name: listed.name, told: told.to_owned(), records, may_follow });
    }
    Ok(all)
}

/// Of a store whose copies were erased from, no one has to be told. Copies in a store that was not asked are named.
pub fn settle_copies(told: &mut Vec<DestinationReport>, was_asked: bool, dry_run: bool, findings: &mut Findings) {
    if was_asked {
        told.retain(|one| one.name != SEGMENTS || one.may_follow);
        return;
    }
    let reason = if cfg!(feature = "object-store") {
        "segments with erased records were copied to an object store, and the settings name none: set segments_url, or give --set segments_url=URL, and run \
         the command again for the same sessions"
    } else {
        "segments with erased records were copied to an object store: run the command again, for the same sessions, with a build that has the feature \
         object-store"
    };
    for copy in told.iter().filter(|one| one.name == SEGMENTS && one.told != "none" && !dry_run) {
        findings.miss(NotReached::whole("object-store", &copy.name, reason));
    }
}
