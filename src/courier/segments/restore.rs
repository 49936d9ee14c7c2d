//! Makes a log of what is in a store: `takeup restore`.
//!
//! The same command goes on where it was ended. What is not what its name says (its hash, also when it is read again; the log, core and id in
//! its first page) is moved to `damaged/`, and the rest goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
use uuid::Uuid;

use crate::courier::cause::{Cause, Trouble};
use crate::courier::stores::{Patient, Store, StoreAccess, block_on};
use crate::log::format::record::uuid_text;
use crate::log::repair::rebuild::{Expected, RebuiltLog, RebuiltSegment};

use super::catalog::{self, CoreSegments, StoredSegment};
use super::new_folder::{NewFolder, Plan};
use super::parts::next_parts;
use super::restore_error::RestoreError;

/// What to restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOptions {
    /// The new data folder.
    pub to: PathBuf,
    /// Which log; `None` if the store has one.
    pub log: Option<Uuid>,
    /// Only these cores; empty means all.
    pub cores: BTreeSet<u16>,
    /// Only segments with records from this order time on.
    pub from_us: Option<u64>,
    /// Only segments with records before this order time.
    pub until_us: Option<u64>,
}

/// What a restore tells while it runs.
#[derive(Debug)]
pub enum RestoreEvent<'a> {
    /// So much will be there at the end.
    Planned {
        /// Segments.
        segments: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// So many bytes more are there, by now or from an earlier attempt.
    Moved(u64),
    /// So many bytes are to be read again.
    Again(u64),
    /// The store does not answer as it should, and is asked again.
    Waits(&'a Cause),
    /// An object has no sidecar that can be used: the segment is described anew.
    NoSidecar(&'a str),
}

/// A segment whose object is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedObject {
    /// The object.
    pub object: String,
    /// Where what was read of it is.
    pub path: PathBuf,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreReport {
    /// The store.
    pub store: String,
    /// The log.
    #[serde(with = "uuid_text")]
    pub log: Uuid,
    /// Where it is.
    pub to: PathBuf,
    /// Whether all that was asked for is there.
    pub complete: bool,
    /// Segments in the new log.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them were there from an earlier attempt.
    pub found: u64,
    /// What could not be restored.
    pub damaged: Vec<DamagedObject>,
}

/// Restores a log. Runs until it is done.
///
/// # Errors
/// See [`RestoreError`]. What is there stays, and the same call goes on with it.
pub fn restore(
    access: &StoreAccess,
    options: &RestoreOptions,
    tell: &mut dyn FnMut(RestoreEvent<'_>),
) -> Result<RestoreReport, RestoreError> {
    let store = Store::open(access).map_err(RestoreError::Settings)?;
    block_on(work(&store, &access.url.to_string(), options, tell)).map_err(RestoreError::Runtime)?
}

async fn work(
    store: &Store,
    address: &str,
    options: &RestoreOptions,
    tell: &mut dyn FnMut(RestoreEvent<'_>),
) -> Result<RestoreReport, RestoreError> {
    let of_store = |cause: Cause| RestoreError::Store { store: address.to_owned(), cause };
    let mut waits = |cause: &Cause| tell(RestoreEvent::Waits(cause));
    let mut patient = Patient::new(store, &mut waits);
    NewFolder::look(&options.to)?;
    let log = which_log(&mut patient, options.log, address).await?;
    let all = catalog::segments(&mut patient, log).await.map_err(of_store)?;
    let chosen = choose(&mut patient, all, options).await.map_err(of_store)?;
    if chosen.is_empty() {
        let text = format!("{address} has no segment of log {log} of that time and core; --list shows what is there");
        return Err(RestoreError::Refused(text));
    }
    tell(RestoreEvent::Planned { segments: chosen.len() as u64, bytes: bytes_of(&chosen) });
    let plan = Plan {
        store: address.to_owned(),
        log,
        cores: options.cores.clone(),
        from_us: options.from_us,
        until_us: options.until_us,
    };
    let folder = NewFolder::take(&options.to, &plan)?;
    let report = RestoreReport {
        store: address.to_owned(),
        log,
        to: options.to.clone(),
        complete: false,
        segments: 0,
        bytes: 0,
        found: 0,
        damaged: Vec::new(),
    };
    if folder.is_whole() {
        return finish_whole(folder, &chosen, report);
    }
    let rebuilt = RebuiltLog::in_folder(&folder.unfinished(), log)?;
    let mut job = Job { address, rebuilt, folder, report };
    let mut missing = Vec::new();
    for segment in chosen {
        if job.rebuilt.has(&expected(&segment))? {
            tell(RestoreEvent::Moved(segment.bytes));
            job.report.found += 1;
            job.report.count(&segment);
        } else {
            missing.push(segment);
        }
    }
    job.folder.check_room(bytes_of(&missing))?;
    for segment in &missing {
        match job.fetch(store, segment, tell).await {
            Err(RestoreError::Store { cause, .. }) if cause.trouble == Trouble::Missing => {
                let newer = job.replaced(store, segment, tell).await?;
                let gone = || RestoreError::Store { store: address.to_owned(), cause };
                job.fetch(store, &newer.ok_or_else(gone)?, tell).await?;
            }
            other => other?,
        }
    }
    let Job { rebuilt, folder, mut report, .. } = job;
    rebuilt.finish(&folder.log())?;
    folder.finish()?;
    report.complete = report.damaged.is_empty();
    Ok(report)
}

/// An earlier attempt was ended when everything was done but this.
fn finish_whole(
    folder: NewFolder,
    chosen: &[StoredSegment],
    mut report: RestoreReport,
) -> Result<RestoreReport, RestoreError> {
    for segment in chosen {
        let path = folder.damaged(segment.name.core, segment.name.segment);
        if path.exists() {
            report.damaged.push(DamagedObject { object: segment.name.object(), path });
        } else {
            report.found += 1;
            report.count(segment);
        }
    }
    folder.finish()?;
    report.complete = report.damaged.is_empty();
    Ok(report)
}

/// The list may say anything of an object's length.
fn bytes_of(segments: &[StoredSegment]) -> u64 {
    segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.bytes))
}

/// A restore under way.
struct Job<'a> {
    address: &'a str,
    rebuilt: RebuiltLog,
    folder: NewFolder,
    report: RestoreReport,
}

impl Job<'_> {
    /// Brings a segment here. One that is damaged is read a second time: it may have been the way here.
    async fn fetch(
        &mut self,
        store: &Store,
        segment: &StoredSegment,
        tell: &mut dyn FnMut(RestoreEvent<'_>),
    ) -> Result<(), RestoreError> {
        let of_store = |cause: Cause| RestoreError::Store { store: self.address.to_owned(), cause };
        let mut attempts = 0;
        let object = segment.name.object();
        let rebuilt = loop {
            attempts += 1;
            let mut rebuilt = self.rebuilt.begin(expected(segment))?;
            let mut at = 0;
            while at < segment.bytes {
                let parts = {
                    let mut waits = |cause: &Cause| tell(RestoreEvent::Waits(cause));
                    let mut patient = Patient::new(store, &mut waits);
                    next_parts(&mut patient, &object, None, at, segment.bytes).await.map_err(of_store)?
                };
                for part in parts {
                    rebuilt.write(&part)?;
                    at += part.len() as u64;
                    tell(RestoreEvent::Moved(part.len() as u64));
                }
            }
            if rebuilt.is_whole() || attempts == 2 {
                break rebuilt;
            }
            tell(RestoreEvent::Again(segment.bytes));
        };
        if !rebuilt.is_whole() {
            return self.set_aside(rebuilt, segment);
        }
        let sidecar = {
            let mut waits = |cause: &Cause| tell(RestoreEvent::Waits(cause));
            catalog::sidecar(&mut Patient::new(store, &mut waits), segment).await.map_err(of_store)?
        };
        if !rebuilt.is_what_its_name_says(sidecar.as_ref())? {
            return self.set_aside(rebuilt, segment);
        }
        if sidecar.is_none() {
            tell(RestoreEvent::NoSidecar(&object));
        }
        rebuilt.finish(sidecar.as_ref())?;
        self.report.count(segment);
        Ok(())
    }

    /// What has taken the place of a segment that is not there any more: an erasure uploads it before it removes the old one.
    async fn replaced(
        &self,
        store: &Store,
        segment: &StoredSegment,
        tell: &mut dyn FnMut(RestoreEvent<'_>),
    ) -> Result<Option<StoredSegment>, RestoreError> {
        let mut waits = |cause: &Cause| tell(RestoreEvent::Waits(cause));
        let mut patient = Patient::new(store, &mut waits);
        let all = catalog::segments(&mut patient, segment.name.log).await;
        let all = all.map_err(|cause| RestoreError::Store { store: self.address.to_owned(), cause })?;
        let newer = all.get(&segment.name.core).and_then(|core| core.get(&segment.name.segment));
        Ok(newer.filter(|newer| newer.name != segment.name).cloned())
    }

    fn set_aside(&mut self, rebuilt: RebuiltSegment, segment: &StoredSegment) -> Result<(), RestoreError> {
        let path = self.folder.damaged(segment.name.core, segment.name.segment);
        rebuilt.set_aside(&path)?;
        self.report.damaged.push(DamagedObject { object: segment.name.object(), path });
        Ok(())
    }
}

impl RestoreReport {
    fn count(&mut self, segment: &StoredSegment) {
        self.segments += 1;
        self.bytes += segment.bytes;
    }
}

fn expected(segment: &StoredSegment) -> Expected {
    let name = &segment.name;
    Expected { core: name.core, segment: name.segment, bytes: segment.bytes, blake3: name.blake3.clone() }
}

async fn which_log(store: &mut Patient<'_>, asked: Option<Uuid>, address: &str) -> Result<Uuid, RestoreError> {
    let logs = catalog::logs(store).await;
    let logs = logs.map_err(|cause| RestoreError::Store { store: address.to_owned(), cause })?;
    let named: Vec<String> = logs.iter().map(Uuid::to_string).collect();
    match (asked, &*logs) {
        (_, []) => Err(RestoreError::Refused(format!("{address} has no segments: check the prefix"))),
        (Some(log), _) if logs.contains(&log) => Ok(log),
        (Some(log), _) => {
            Err(RestoreError::Refused(format!("{address} has nothing of log {log}; there is: {}", named.join(", "))))
        }
        (None, [log]) => Ok(*log),
        (None, _) => Err(RestoreError::Refused(format!(
            "{address} has segments of several logs; choose one with --log: {}",
            named.join(", ")
        ))),
    }
}

/// The segments of the wanted cores and times, by core and id. Those that lie before the wanted time are looked for from the newest on,
/// so that no more sidecars are read than needed.
async fn choose(
    store: &mut Patient<'_>,
    all: BTreeMap<u16, CoreSegments>,
    options: &RestoreOptions,
) -> Result<Vec<StoredSegment>, Cause> {
    let mut chosen = Vec::new();
    for (core, segments) in all {
        if !options.cores.is_empty() && !options.cores.contains(&core) {
            continue;
        }
        let first = chosen.len();
        for segment in segments.into_values().rev() {
            // A segment's id is the time at which it was made: none of its records is older.
            if options.until_us.is_some_and(|until_us| segment.name.segment >= until_us) {
                continue;
            }
            if options.from_us.is_some() || options.until_us.is_some() {
                match catalog::times(store, &segment).await? {
                    Some((_, last_us)) if options.from_us.is_some_and(|from_us| last_us < from_us) => break,
                    Some((first_us, _)) if options.until_us.is_some_and(|until_us| first_us >= until_us) => continue,
                    _ => {}
                }
            }
            chosen.push(segment);
        }
        chosen[first..].reverse();
    }
    Ok(chosen)
}
