//! Finds sessions in the copies of segments that are in an object store, and erases from them.
//!
//! A copy is the segment as it was when it was uploaded: it has what the log's own file has lost since, and it may be all that is left of a segment that the
//! log no longer has. One with records to erase is brought here, rewritten and checked as the log's own are, and uploaded under the name that its content
//! has now. Then the old one is removed, with its versions. Of two copies of a segment the newer counts, so the store has each segment at every moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::courier::segments::{Copies, CopyFault, SegmentCopy};
use crate::courier::stores::StoreAccess;
use crate::log::LogError;
use crate::log::cursor::Cursors;
use crate::log::erase::{Erasing, Found, SegmentErasure, erase_segment};
use crate::log::format::sidecar::{NAMES_MAX, Sidecar};
use crate::log::read::reader::LogReader;

use super::error::EraseError;
use super::log_part::Mode;
use super::looked::Looked;
use super::pending;
use super::receipt::{Findings, NotReached, PlaceReport};
use super::search::{SearchReport, search};
use super::stores::Stores;
use super::targets::Targets;

/// The copies of segments among the places of a receipt.
pub const PLACE: &str = "object-store";

/// How often the store is listed anew: something may come in until the server's courier has met the erasure.
const ROUNDS_MAX: u32 = 4;

/// The log's segments by core and id, with the hash that their sidecars say.
type Local = BTreeMap<(u16, u64), Option<String>>;

fn local(reader: &LogReader) -> Result<Local, LogError> {
    let segments = reader.segments()?;
    Ok(segments.into_iter().map(|one| ((one.core, one.id), one.sidecar.map(|sidecar| sidecar.blake3))).collect())
}

/// Copies in which nobody could be looked for, by their objects' names, and why.
pub(super) type Unsearched = BTreeMap<String, String>;

/// What is done with copies.
pub(super) struct CopiesPart<'a> {
    /// The data folder.
    pub data: &'a Path,
    pub reader: &'a LogReader,
    pub stores: &'a Stores,
    pub access: &'a StoreAccess,
    pub dry_run: bool,
    /// Told how many of how many copies were looked at.
    pub step: &'a mut dyn FnMut(usize, usize),
}

impl CopiesPart<'_> {
    /// Adds the sessions of these users, and of the projects that are targets, of which only the store has segments. Returns the copies that could not be
    /// looked into.
    pub(super) fn search(
        &mut self,
        users: &BTreeSet<String>,
        targets: &mut Targets,
        report: &mut SearchReport,
    ) -> Result<Unsearched, EraseError> {
        let mut unsearched = Unsearched::new();
        let (tell, url) = (self.stores.teller(), &self.access.url);
        let told = |cause: &_| tell(url, cause);
        let copies = Copies::open(self.access, self.reader.log_uuid(), &pending::dir(self.data), &told)?;
        let all = copies.list()?;
        // Listed afterwards: what was deleted while the log was searched is searched here.
        let local = local(self.reader)?;
        for (done, copy) in all.iter().enumerate() {
            (self.step)(done, all.len());
            let here = local.get(&(copy.core(), copy.segment()));
            if !copy.has_segment() || here.is_some_and(|hash| hash.as_deref() == Some(copy.blake3())) {
                continue;
            }
            let found = copies.sidecar(copy).and_then(|sidecar| {
                let of_projects = |sidecar: &Sidecar| sidecar.projects.iter().any(|one| targets.projects.contains(one));
                // A sidecar does not say whose the sessions are.
                let has_none = users.is_empty() && sidecar.as_ref().is_some_and(|it| names_all(it) && !of_projects(it));
                if has_none { Ok(None) } else { copies.fetch(copy, sidecar.as_ref()).map(Some) }
            });
            match found {
                Ok(Some(log)) => search(&log, users, targets, report)?,
                Ok(None) => {}
                Err(CopyFault::Unlike { object, reason }) => drop(unsearched.insert(object, reason)),
                Err(fault) => return Err(fault.into()),
            }
        }
        copies.clear()?;
        Ok(unsearched)
    }

    /// Erases from the copies; `found` is told of each record of a segment that the log no longer has. `unsearched` are those that could not be looked into.
    pub(super) fn erase(
        &mut self,
        looked: &Looked,
        targets: &Targets,
        mode: Mode,
        unsearched: Unsearched,
        found: &mut dyn FnMut(&Found),
        findings: &mut Findings,
    ) -> Result<(), EraseError> {
        let (tell, url) = (self.stores.teller(), &self.access.url);
        let told = |cause: &_| tell(url, cause);
        let copies = Copies::open(self.access, self.reader.log_uuid(), &pending::dir(self.data), &told)?;
        if !self.dry_run {
            copies.drop_unfinished((!mode.served).then_some(self.data))?;
        }
        let place = PlaceReport::new(PLACE);
        let mut work = Work { copies: &copies, targets, mode, unsearched, place, findings };
        let (mut done, mut removed) = (BTreeSet::new(), BTreeSet::new());
        let mut is_settled = false;
        for _ in 0..ROUNDS_MAX {
            let all = copies.list()?;
            let local = local(self.reader)?;
            let mut has_changed = false;
            for (count, copy) in all.iter().enumerate() {
                (self.step)(count, all.len());
                let (core, segment) = (copy.core(), copy.segment());
                let here = local.get(&(core, segment));
                let is_later = here.is_some() && !looked.has(core, segment);
                // One that was removed and is there again was uploaded meanwhile.
                let is_again = removed.contains(&copy.object()) && copy.is_current();
                if is_later || (!done.insert(copy.object()) && !is_again) {
                    continue;
                }
                work.place.files += u64::from(copy.has_segment());
                let same = here.is_some_and(|hash| hash.as_deref() == Some(copy.blake3()));
                if same && looked.is_clean(core, segment) {
                    continue;
                }
                let mut tell = |record: Found| {
                    if here.is_none() {
                        found(&record);
                    }
                };
                if let Some(new) = work.erase(copy, &mut tell)? {
                    has_changed = true;
                    removed.insert(copy.object());
                    done.extend(new);
                }
            }
            (self.step)(all.len(), all.len());
            // A dry run finds the same each time.
            is_settled = !has_changed || self.dry_run;
            if is_settled {
                break;
            }
        }
        if !is_settled {
            let reason = format!(
                "something to erase was uploaded there again while it was erased, {ROUNDS_MAX} times; run the command again for the same sessions"
            );
            work.findings.miss(NotReached::whole(PLACE, copies.address(), reason));
        }
        // Their sidecars name nobody who was found elsewhere; but a user may have sessions that only they tell of.
        for (object, reason) in std::mem::take(&mut work.unsearched) {
            work.miss(&object, reason);
        }
        let place = work.place;
        findings.places.push(place);
        Ok(copies.clear()?)
    }
}

/// Erasing from one copy after the other.
struct Work<'a> {
    copies: &'a Copies<'a>,
    targets: &'a Targets,
    mode: Mode,
    /// Those that could not be looked into, and were not told yet.
    unsearched: Unsearched,
    place: PlaceReport,
    findings: &'a mut Findings,
}

impl Work<'_> {
    /// Erases from a copy. `Some` if it was removed, with the object that took its place, if one did.
    fn erase(
        &mut self,
        copy: &SegmentCopy,
        found: &mut dyn FnMut(Found),
    ) -> Result<Option<Option<String>>, EraseError> {
        let sidecar = match self.copies.sidecar(copy) {
            Ok(sidecar) => sidecar,
            Err(fault) => return self.missed(fault),
        };
        let is_named = sidecar.as_ref().map(|sidecar| names(sidecar, self.targets));
        if !copy.has_segment() {
            return match is_named {
                Some(true) => self.remove(copy).map(|()| Some(None)),
                Some(false) => Ok(None),
                None => self.missed(CopyFault::Unlike {
                    object: copy.object(),
                    reason: "its sidecar can't be read, and the segment is not there: remove the sidecar".to_owned(),
                }),
            };
        }
        if is_named == Some(false) && sidecar.as_ref().is_some_and(names_all) {
            return Ok(None);
        }
        let log = match self.copies.fetch(copy, sidecar.as_ref()) {
            Ok(log) => log,
            Err(fault) => return self.missed(fault),
        };
        let erased = match self.rewrite(&log, found) {
            Ok(erased) => erased,
            Err(error @ (LogError::Foreign { .. } | LogError::Version { .. } | LogError::Damaged { .. })) => {
                return self.missed(CopyFault::Unlike { object: copy.object(), reason: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        };
        let path = self.path(&copy.object());
        for damage in &erased.unreadable {
            self.findings.miss(NotReached {
                offset: Some(damage.offset),
                bytes: Some(damage.bytes),
                ..NotReached::whole(PLACE, &path, damage.reason)
            });
        }
        self.findings.not_reached_count += erased.unreadable_count - erased.unreadable.len() as u64;
        if erased.records == 0 {
            return Ok(None);
        }
        self.place.files_changed += 1;
        self.place.records += erased.records;
        self.place.bytes += erased.bytes;
        if self.mode.dry_run {
            return Ok(None);
        }
        // A version that no restore finds only has to go.
        let mut new = None;
        if copy.is_current() {
            for info in log.segments()? {
                new = Some(self.copies.upload(&info)?);
            }
        }
        self.remove(copy)?;
        Ok(Some(new))
    }

    fn rewrite(&self, log: &LogReader, found: &mut dyn FnMut(Found)) -> Result<SegmentErasure, LogError> {
        let mut all = SegmentErasure::default();
        for info in log.segments()? {
            let mut erasing = Erasing {
                wanted: &|session, project| self.targets.want(session, project),
                receipt: self.mode.receipt,
                unix_seconds: self.mode.unix_seconds,
                dry_run: self.mode.dry_run,
                found: &mut *found,
            };
            all = erase_segment(&info, &Cursors::of(log), &mut erasing)?;
        }
        Ok(all)
    }

    fn remove(&mut self, copy: &SegmentCopy) -> Result<(), EraseError> {
        if self.mode.dry_run {
            return Ok(());
        }
        for (object, advice) in self.copies.remove(copy)? {
            let path = self.path(&object);
            self.findings.miss(NotReached::whole(PLACE, path, advice));
        }
        Ok(())
    }

    /// One copy that can't be worked on is told; another fault ends the run.
    fn missed(&mut self, fault: CopyFault) -> Result<Option<Option<String>>, EraseError> {
        let CopyFault::Unlike { object, reason } = fault else { return Err(fault.into()) };
        self.unsearched.remove(&object);
        self.miss(&object, reason);
        Ok(None)
    }

    fn miss(&mut self, object: &str, reason: String) {
        let path = self.path(object);
        self.findings.miss(NotReached::whole(PLACE, path, reason));
    }

    fn path(&self, object: &str) -> String {
        format!("{}/{object}", self.copies.address())
    }
}

/// Whether a sidecar names a session or project that is erased.
fn names(sidecar: &Sidecar, targets: &Targets) -> bool {
    let session = |id: &String| id.parse().is_ok_and(|id| targets.want(id, 0));
    sidecar.session_ids.iter().any(session) || sidecar.projects.iter().any(|&project| targets.want(0, project))
}

/// Whether a sidecar names all sessions and projects that the segment has records of.
fn names_all(sidecar: &Sidecar) -> bool {
    let are_ids = sidecar.session_ids.iter().all(|id| id.parse::<u64>().is_ok());
    // Damaged records are not counted.
    are_ids && sidecar.sessions_complete && sidecar.projects.len() < NAMES_MAX && sidecar.damage.is_empty()
}
