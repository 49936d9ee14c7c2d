//! One core's durable records in their order, from segment to segment.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::log::error::{Damage, LogError};
use crate::log::format::control;
use crate::log::format::control::{ControlSnapshot, ControlView};
use crate::log::format::header::PAGE_BYTES;
use crate::log::format::ledger::Ledger;
use crate::log::format::protocol::Look;
use crate::log::format::record::{HEADER_BYTES, Record};
use crate::log::format::sidecar::Sidecar;
use crate::log::read::reader::{End, Found, LogReader, SegmentFile, SegmentReader, Server, open_part, segment_files};

use super::repeats::{RepeatKey, Repeats};
use super::skipped::Skipped;
use crate::log::format::position::Place;

/// So many records are read at a time, if they are in memory already: looking them up all at once makes the processor wait for memory once.
const AHEAD: usize = 32;

/// A core's log as the merge follows it.
#[derive(Debug)]
pub(super) struct CoreStream {
    core: u16,
    dir: PathBuf,
    /// The control page when it was last seen at rest.
    page: Option<ControlSnapshot>,
    /// Whether the page could be read at the last look; otherwise what was known before stands.
    fresh: bool,
    owner: CoreOwner,
    bound_us: u64,
    current: Option<CurrentSegment>,
    /// The segments after the current one, oldest first.
    queue: VecDeque<SegmentFile>,
    /// The segment that the control page named when the folder was listed.
    listed_at: Option<u64>,
    /// Where to begin: the consumer's place, or after the last segment that was read to its end.
    from: Place,
    /// Whether the segment of `from` was read to its end.
    from_read: bool,
    /// Whether a segment that is missing behind `from` was to be handed out. Before its first segment, a merge from the start misses nothing.
    expects: bool,
    skipped: Skipped,
    /// Where the consumer goes on; what is read before it only fills the window of repeats.
    target: Option<Place>,
    /// The record at hand, and those after it that are in the reader's buffer as well.
    heads: VecDeque<Head>,
    /// The project of the record at hand, where the record itself knows none.
    joined: u32,
}

/// A record that was read and verified.
#[derive(Debug)]
struct Head {
    found: Found,
    key: RepeatKey,
}

/// Who owns the core's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CoreOwner {
    /// A server that has opened it: its control page is current.
    Server,
    /// A server that has not opened it yet: open segments may be in the middle of recovery or preparation.
    StartingServer,
    /// No server runs: everything is as it was left.
    Nobody,
}

/// The segment that is being read.
#[derive(Debug)]
struct CurrentSegment {
    reader: SegmentReader,
    file: SegmentFile,
    /// Nothing will be added to what is readable now.
    complete: bool,
    /// How far a left segment may be read, by its length and what the control page said then.
    surveyed: Option<(u64, u64, End)>,
}

impl CoreStream {
    /// Reads from `from`, or from the oldest segment; what lies before `target` has been handed out before.
    pub(super) fn new(core: u16, dir: PathBuf, from: Option<Place>, target: Option<Place>) -> CoreStream {
        CoreStream {
            core,
            dir,
            page: None,
            fresh: false,
            owner: CoreOwner::StartingServer,
            bound_us: 0,
            current: None,
            queue: VecDeque::new(),
            listed_at: None,
            from: from.unwrap_or(Place::START),
            from_read: false,
            expects: target.is_some(),
            skipped: Skipped::default(),
            target,
            heads: VecDeque::new(),
            joined: 0,
        }
    }

    pub(super) fn core(&self) -> u16 {
        self.core
    }

    /// What was deleted before it could be handed out.
    pub(super) fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// The time of the record at hand.
    #[inline]
    pub(super) fn head_us(&self) -> Option<u64> {
        self.heads.front().map(|head| head.found.header.order_us)
    }

    /// No record that is not at hand yet is older than this.
    pub(super) fn bound_us(&self) -> u64 {
        self.bound_us
    }

    /// The record at hand, with the bytes that it takes in its segment, and what the window of repeats knows it by.
    pub(super) fn head(&self) -> Option<(Record<'_>, u64, RepeatKey)> {
        let (head, current) = (self.heads.front()?, self.current.as_ref()?);
        Some((current.reader.record(&head.found), head.found.header.stored_bytes(), head.key))
    }

    /// Hands out the record at hand. Its bytes stay until the next head is loaded.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Record<'_>> {
        let head = self.heads.pop_front()?;
        let joined = std::mem::take(&mut self.joined);
        let mut record = self.current.as_ref().map(|current| current.reader.record(&head.found))?;
        if record.project == 0 {
            record.project = joined;
        }
        Some(record)
    }

    /// Says which project the record at hand is of, where the record itself knows none.
    pub(super) fn join(&mut self, project: u32) {
        self.joined = project;
    }

    /// Leaves the record at hand out.
    pub(super) fn pass(&mut self) {
        self.heads.pop_front();
        self.joined = 0;
    }

    /// Whether the record at hand was handed out before the consumer resumed.
    pub(super) fn is_behind(&self) -> bool {
        self.target.is_some() && self.place() < self.target
    }

    /// The place of the consumer's next record; None where nothing was read and nowhere was resumed.
    pub(super) fn consumer_place(&self) -> Option<Place> {
        self.place().max(self.target)
    }

    /// The place of the next record that is read; None where nothing was.
    pub(super) fn place(&self) -> Option<Place> {
        match (&self.current, self.heads.front()) {
            (Some(current), Some(head)) => Some(Place { segment: current.file.id, offset: head.found.offset }),
            (Some(current), None) => Some(Place { segment: current.file.id, offset: current.reader.offset() }),
            (None, _) => (self.from.segment != 0).then_some(self.from),
        }
    }

    /// Whether all that was durable at `until_us` has been handed out, as far as the last look shows.
    pub(super) fn is_read(&self, until_us: u64) -> bool {
        let known = self.fresh && !matches!(self.owner, CoreOwner::StartingServer);
        known && self.head_us().is_none_or(|head_us| head_us > until_us)
    }

    /// Looks at the control page and the folder.
    pub(super) fn look(&mut self, log: &LogReader, server: Server) -> Result<(), LogError> {
        self.fresh = true;
        // Opened each time, because a new server may have put a new page in its place.
        match ControlView::open(&self.dir.join(control::FILE_NAME)).map(|control| control.look()) {
            Some(Look::Settled(page)) => self.page = Some(page),
            Some(Look::Busy) if server != Server::Absent => {
                self.fresh = false;
                return Ok(());
            }
            Some(Look::Busy | Look::Foreign) | None => self.page = None,
        }
        self.owner = match (server, &self.page) {
            (Server::Absent, _) => CoreOwner::Nobody,
            (_, Some(page)) if server.owns(page) => CoreOwner::Server,
            _ => CoreOwner::StartingServer,
        };
        self.list(log)?;
        self.settle(log)
    }

    /// Sets the bound after every core was looked at; `same` tells that the looks belong together.
    pub(super) fn set_bound(&mut self, server: Server, now_us: Option<u64>, same: bool) {
        self.bound_us = match (self.owner, &self.page, now_us) {
            // What was certain at an earlier time stays certain, but not what held only because no server was there.
            _ if !same || !self.fresh => Some(self.bound_us).filter(|&bound_us| bound_us != u64::MAX).unwrap_or(0),
            _ if server == Server::Absent => u64::MAX,
            (CoreOwner::Server, Some(page), _) => page.bound_us(now_us),
            // A core that is not taken up yet appends with times from now on. Without a clock nothing new is certain.
            (_, _, now_us) => now_us.unwrap_or(0),
        };
    }

    /// Brings the next record to hand, if one is readable. With `repeats`, finds out what its window knows the record by.
    pub(super) fn load_head(
        &mut self,
        log: &LogReader,
        repeats: Option<&Repeats>,
        note: &mut dyn FnMut(Damage),
    ) -> Result<(), LogError> {
        while self.heads.is_empty() {
            let Some(current) = &mut self.current else {
                if self.open_next(log, note)? { continue } else { return Ok(()) }
            };
            match current.reader.advance() {
                Ok(Some(found)) => {
                    self.heads.push_back(Head { found, key: RepeatKey::NONE });
                    let Some(repeats) = repeats else { continue };
                    let more = std::iter::from_fn(|| current.reader.advance_in_memory()).take(AHEAD - 1);
                    self.heads.extend(more.map(|found| Head { found, key: RepeatKey::NONE }));
                    for head in &mut self.heads {
                        head.key = repeats.key(&current.reader.record(&head.found));
                    }
                    repeats.foresee(self.heads.iter().map(|head| head.key));
                }
                Ok(None) if current.complete => {
                    self.from = Place { segment: current.file.id, offset: current.reader.offset() };
                    self.from_read = true;
                    self.current = None;
                }
                Ok(None) => return Ok(()),
                // It is being deleted, from its end: what was not read yet is counted when the next segment is opened.
                Err(LogError::Damaged { offset, .. }) if is_gone(&current.file) => {
                    (self.from, self.from_read) = (Place { segment: current.file.id, offset }, true);
                    self.current = None;
                }
                Err(LogError::Damaged { .. }) => {
                    let damage = current.reader.resync()?;
                    let at = Place { segment: current.file.id, offset: damage.offset };
                    // What lies behind the consumer was noted before.
                    if self.target.is_none_or(|target| target <= at) {
                        note(damage);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Lists the segments to come, when there may be others than at the last listing.
    ///
    /// Beside a writer there are new ones to read only after the control page has gone on to another segment; and what is newer than
    /// that segment holds nothing yet.
    fn list(&mut self, log: &LogReader) -> Result<(), LogError> {
        let named = self.page.filter(|_| self.owner == CoreOwner::Server).map(|page| page.segment);
        if named.is_some() && named == self.listed_at {
            return Ok(());
        }
        let read_to = self.current.as_ref().map_or(self.from.segment, |current| current.file.id);
        let read_whole = self.current.is_some() || self.from_read;
        self.queue = segment_files(&self.dir)?
            .into_iter()
            .filter(|file| file.id > read_to || (file.id == read_to && !read_whole))
            .filter(|file| match self.owner {
                CoreOwner::Server => file.is_sealed() || named.is_some_and(|named| file.id <= named),
                CoreOwner::StartingServer => file.is_sealed(),
                CoreOwner::Nobody => true,
            })
            .collect();
        self.listed_at = named;
        if self.queue.is_empty() && self.from.segment == 0 && !self.expects {
            // All was deleted before: a consumer that resumes from here must not take that for a gap.
            if let Some(place) = Ledger::read(&self.dir).newest_place(log.now_us()) {
                (self.from, self.from_read, self.expects) = (place, true, true);
            }
        }
        Ok(())
    }

    fn open_next(&mut self, log: &LogReader, note: &mut dyn FnMut(Damage)) -> Result<bool, LogError> {
        let Some(file) = self.queue.front().cloned() else { return Ok(false) };
        let path = file.path_now();
        // How far it may be read is settled below. Of one that is sealed the first record may be looked at, which tells the marker where the
        // first page is damaged; of one that is being written it would be seen as it is now, and not as it will be.
        let looked_at = if path == file.sealed_path() { PAGE_BYTES + HEADER_BYTES } else { PAGE_BYTES };
        let start = End::At(looked_at as u64);
        match SegmentReader::open_path(&path, log.log_uuid(), self.core, file.id, start) {
            Ok(mut reader) => {
                self.count_skipped(file.id);
                if let Some(recent) = log.recent(self.core) {
                    reader.borrow_from(recent);
                }
                if file.id == self.from.segment {
                    reader.seek(self.from.offset);
                }
                self.current = Some(CurrentSegment { reader, file, complete: false, surveyed: None });
            }
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                // Sealed between the two looks at its name, or deleted.
                if path != file.sealed_path() && file.sealed_path().is_file() {
                    return Ok(true);
                }
            }
            Err(LogError::Foreign { path, reason }) if path == file.sealed_path() => {
                let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
                note(Damage { path, core: self.core, segment: file.id, offset: 0, bytes, reason });
                (self.from, self.from_read) = (Place { segment: file.id, ..Place::START }, true);
            }
            // One that is open may be in the making, or is for recovery to judge. The next listing finds it again.
            Err(LogError::Foreign { .. }) => {}
            Err(error) => return Err(error),
        }
        self.queue.pop_front();
        self.settle(log)?;
        Ok(true)
    }

    /// Counts what was deleted between the place reached and the segment that is opened.
    fn count_skipped(&mut self, segment: u64) {
        // Without a deletion there is no ledger to be read, and the place of a segment at hand misses nothing.
        // What lies behind the consumer was passed before.
        let from = self.target.map_or(self.from, |target| target.max(self.from));
        if std::mem::replace(&mut self.expects, true) && segment > from.segment {
            self.skipped.add(&Ledger::read(&self.dir), from, segment);
        }
    }

    /// Finds out how far the current segment may be read, and whether that is its end.
    fn settle(&mut self, log: &LogReader) -> Result<(), LogError> {
        let Some(current) = self.current.as_mut().filter(|current| !current.complete) else { return Ok(()) };
        let page = self.page.as_ref();
        if let Some(page) = page.filter(|page| self.owner == CoreOwner::Server && page.segment == current.file.id) {
            // The page has no checksum: an end that the segment can't have is not believed.
            if let Some(durable) = page.durable_in(current.file.id, length_of(&current.reader)?) {
                current.reader.set_end(End::At(durable.max(PAGE_BYTES as u64)));
            }
            return Ok(());
        }
        // In this order: a file that is renamed between the looks is taken for sealed, never for deleted; and one that bears its sealed
        // name was cut before, so that its length is its end.
        let exists = current.file.path.exists();
        let sealed = current.file.sealed_path();
        let is_sealed = sealed.is_file();
        let length = length_of(&current.reader)?;
        if is_sealed {
            let sidecar = Sidecar::read(&sealed).ok().flatten();
            current.reader.set_sealed(length, sidecar.as_ref());
            current.complete = true;
        } else if !exists {
            // Deleted: what was readable is all that will be.
            current.complete = true;
        } else if let Some(page) = page.filter(|_| self.owner == CoreOwner::Server) {
            current.reader.set_end(open_part(page, current.file.id, length).1);
            current.complete = current.file.id < page.segment;
        } else if self.owner == CoreOwner::Nobody {
            let later =
                self.queue.iter().any(|later| later.id > current.file.id && log.holds_records(self.core, later));
            let told = page.filter(|page| page.segment == current.file.id).map_or(0, |page| page.durable);
            let end = match current.surveyed {
                Some((at_length, at_told, end)) if !later && (at_length, at_told) == (length, told) => end,
                _ => log.left_end(self.core, &current.file, page, length, later),
            };
            current.surveyed = Some((length, told, end));
            current.reader.set_end(end);
            current.complete = later;
        }
        Ok(())
    }
}

/// Whether a segment was taken out of the log since it was opened.
fn is_gone(file: &SegmentFile) -> bool {
    !file.path.exists() && !file.sealed_path().is_file()
}

fn length_of(reader: &SegmentReader) -> Result<u64, LogError> {
    let stat = LogError::io(reader.path(), "find the segment's length");
    reader.file().metadata().map(|meta| meta.len()).map_err(stat)
}
