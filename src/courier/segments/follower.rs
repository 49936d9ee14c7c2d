//! The courier's thread: looks for sealed segments that are not in the store, and uploads them one by one, the oldest first.
//!
//! It follows files, not records: its cursor moves from the end of one segment to the end of the next. A core's cursor never passes a segment
//! that is not in the store. One that is damaged on this disk is left out and reported; those behind it are uploaded, but the cursor stays
//! before it, so that nothing is deleted from there on until somebody has decided.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::consume::Handle;
use crate::courier::backoff::Backoff;
use crate::courier::cause::{Cause, Trouble};
use crate::courier::report::Report;
use crate::courier::running::FollowerSeat;
use crate::courier::status::DestinationState;
use crate::courier::stores::{AttemptFault, ObjectUpload, Store, UnfinishedUpload};
use crate::log::LogError;
use crate::log::cursor::{Cursors, From};
use crate::log::format::header::PAGE_BYTES;
use crate::log::format::position::{MergePosition, Place};
use crate::log::read::reader::{LogReader, SegmentInfo, SegmentStamp};
use crate::telemetry::Level;

use super::deleted::{Deleted, Deletions};
use super::sealed::{SealedSegment, SegmentFault};
use super::upload_file::UPLOAD_FILE_NAME;

/// How often the log's folder is looked at for segments that were sealed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it answers who asks it to read the log again.
const ANSWER_EVERY: Duration = Duration::from_millis(200);

/// How often an idle store is asked whether it is there.
const IDLE_EVERY: Duration = Duration::from_secs(60);

/// How often a segment that could not be read is tried again.
const UNREADABLE_AGAIN: Duration = Duration::from_secs(10);

/// The courier's work.
pub(super) struct SegmentFollower {
    seat: FollowerSeat,
    store: Store,
    report: Report,
    noted: UnfinishedUpload,
    backoff: Backoff,
    /// Uploaded, but behind one that is not.
    ahead: BTreeSet<(u16, u64)>,
    /// Segments that can't be uploaded as they are.
    bad: BTreeMap<(u16, u64), Bad>,
    deletions: Deletions,
    uploading: Uploading,
}

/// The segment that is being uploaded, and what its files were like when it was opened.
type Uploading = Rc<RefCell<Option<(SegmentInfo, SegmentStamp)>>>;

/// A segment that can't be uploaded as it is.
struct Bad {
    stamp: SegmentStamp,
    cause: Cause,
    /// When to try it again, if that may help although it has not changed.
    again: Option<Instant>,
}

/// Where it stands in the log.
struct Standing {
    reader: LogReader,
    cursors: Cursors,
    position: MergePosition,
}

impl SegmentFollower {
    pub(super) fn new(seat: FollowerSeat, store: Store) -> Self {
        let report = seat.report();
        let noted = UnfinishedUpload::beside(&seat.options.data, UPLOAD_FILE_NAME);
        let (backoff, ahead, bad) = (Backoff::default(), BTreeSet::new(), BTreeMap::new());
        let (deletions, uploading) = (Deletions::default(), Uploading::default());
        Self { seat, store, report, noted, backoff, ahead, bad, deletions, uploading }
    }

    /// Works until the courier is stopped. What is being uploaded then is given up at the next start.
    pub(super) fn run(mut self) {
        // The calling thread's alone, and with it the priority of what it reads.
        let _ = rustix::process::nice(19);
        let (runtime, mut stopping) = (self.seat.runtime.clone(), self.seat.stopping.clone());
        let (handle, uploading) = (self.seat.handle.clone(), Rc::clone(&self.uploading));
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                // An error means that the courier itself is gone.
                _ = stopping.wait_for(|stopping| *stopping) => Ok(()),
                () = answer_rereads(&handle, &uploading) => Ok(()),
                ended = self.follow() => ended,
            }
        });
        if let Err(error) = ended {
            let (name, error) = (self.seat.options.name.as_str(), error.to_string());
            let message = "a courier ended: its cursor was removed while it ran";
            let fields = [("courier", name), ("error", &*error)];
            self.seat.logger.event(Level::Error, crate::caller!(), message, &fields);
        }
    }

    /// Ends only if its cursor is removed.
    async fn follow(&mut self) -> Result<(), LogError> {
        let mut standing = loop {
            match self.begin() {
                Ok(standing) => break standing,
                Err(error) => self.wait_out(Cause::of_log(&error)).await,
            }
        };
        self.drop_unfinished().await;
        let mut asked: Option<Instant> = None;
        loop {
            match self.pass(&mut standing).await {
                Ok(true) => asked = Some(Instant::now()),
                Ok(false) => {
                    if asked.is_none_or(|asked| asked.elapsed() >= IDLE_EVERY) {
                        self.ask().await;
                        asked = Some(Instant::now());
                    }
                    sleep(LOOK_EVERY).await;
                }
                Err(error @ LogError::Consumer { .. }) => return Err(error),
                Err(error) => self.wait_out(Cause::of_log(&error)).await,
            }
        }
    }

    fn begin(&self) -> Result<Standing, LogError> {
        let options = &self.seat.options;
        let reader = LogReader::open(&options.data.join("log"))?;
        let cursors = Cursors::of(&reader);
        let cursor = match cursors.read(&options.name)? {
            Some(cursor) => cursor,
            None => cursors.register_at(&reader, &options.name, true, From::Start)?,
        };
        Ok(Standing { reader, cursors, position: cursor.position })
    }

    /// Gives up what an earlier process was uploading when it ended.
    async fn drop_unfinished(&mut self) {
        loop {
            let begun = match self.noted.read() {
                Ok(Some(begun)) => begun,
                Ok(None) => break,
                Err(error) => {
                    let text = format!("{}: {error}", self.noted.path().display());
                    self.wait_out(Cause::new(Trouble::Local, "", text)).await;
                    continue;
                }
            };
            if begun.store != self.seat.options.target {
                let fields = [("store", &*begun.store), ("object", &*begun.object), ("upload", &*begun.upload)];
                let message = "an upload to another store than segments_url names was never finished: drop it there";
                self.seat.logger.event(Level::Warn, crate::caller!(), message, &fields);
                break;
            }
            match self.store.give_up_id(&begun.object, &begun.upload).await {
                Ok(()) => break,
                Err(cause) => self.wait_out(cause).await,
            }
        }
        // If it stays, the same is done again at the next start.
        let _ = self.noted.clear();
    }

    /// Uploads what is sealed and not yet in the store. Returns whether there was anything.
    async fn pass(&mut self, standing: &mut Standing) -> Result<bool, LogError> {
        let segments = self.unpassed(standing)?;
        self.pass_deleted(standing, &segments)?;
        // One that they were stuck behind may be gone.
        if advance(&mut standing.position, &segments, &mut self.ahead) {
            standing.cursors.keep(&self.seat.options.name, &standing.position)?;
        }
        self.tell_lag(standing, &segments);
        let mut due: Vec<&SegmentInfo> = segments.iter().filter(|segment| self.is_due(segment)).collect();
        due.sort_by_key(|segment| segment.id);
        let found = !due.is_empty();
        for segment in due {
            if self.upload(segment).await {
                self.ahead.insert((segment.core, segment.id));
                if advance(&mut standing.position, &segments, &mut self.ahead) {
                    standing.cursors.keep(&self.seat.options.name, &standing.position)?;
                    self.tell_lag(standing, &segments);
                }
            }
        }
        // What is not in the log any more has been dealt with by somebody.
        self.bad.retain(|&(core, id), _| segments.iter().any(|segment| (segment.core, segment.id) == (core, id)));
        Ok(found)
    }

    fn unpassed(&self, standing: &Standing) -> Result<Vec<SegmentInfo>, LogError> {
        let place = |core: u16| standing.position.cores.get(&core).copied();
        let mut segments = standing.reader.segments_that(&|core, id| place(core).is_none_or(|at| id >= at.segment))?;
        segments.retain(|segment| place(segment.core).is_none_or(|at| !is_passed(at, segment)));
        Ok(segments)
    }

    /// Tells of segments that were deleted before they were in the store, and passes them.
    fn pass_deleted(&mut self, standing: &mut Standing, segments: &[SegmentInfo]) -> Result<(), LogError> {
        let mut oldest: BTreeMap<u16, u64> = BTreeMap::new();
        for segment in segments {
            oldest.entry(segment.core).and_modify(|id| *id = segment.id.min(*id)).or_insert(segment.id);
        }
        let cores = standing.position.cores.keys().chain(oldest.keys()).copied().collect();
        let log_dir = standing.reader.dir();
        let deleted = self.deletions.pass(log_dir, &cores, &oldest, &mut standing.position, &mut self.ahead);
        if deleted == Deleted::default() {
            return Ok(());
        }
        let Deleted { segments, records, bytes } = deleted;
        let (name, segments) = (self.seat.options.name.as_str(), segments.to_string());
        let (records, bytes) = (records.to_string(), bytes.to_string());
        let fields = [("courier", name), ("segments", &*segments), ("records", &*records), ("bytes", &*bytes)];
        let message = "records were deleted before a courier had delivered them";
        self.seat.logger.event(Level::Error, crate::caller!(), message, &fields);
        standing.cursors.keep(&self.seat.options.name, &standing.position)
    }

    fn is_due(&self, segment: &SegmentInfo) -> bool {
        let name = (segment.core, segment.id);
        let as_before = || {
            let is_left_out =
                |bad: &Bad| bad.again.is_none_or(|again| Instant::now() < again) && bad.stamp == segment.stamp();
            self.bad.get(&name).is_some_and(is_left_out)
        };
        segment.sealed() && !self.ahead.contains(&name) && !as_before()
    }

    fn tell_lag(&self, standing: &Standing, segments: &[SegmentInfo]) {
        let waiting = segments.iter().filter(|segment| {
            let is_ahead = self.ahead.contains(&(segment.core, segment.id));
            segment.bytes > PAGE_BYTES as u64 && !is_ahead
        });
        // A segment's id is the time at which it was made: none of its records is older.
        let reached_us = waiting.map(|segment| segment.id).min();
        self.seat.handle.has_come(&standing.reader, &standing.position, reached_us);
    }

    /// Uploads a segment, for as long as that takes. False if it can't be uploaded as it is, or was deleted meanwhile.
    async fn upload(&mut self, info: &SegmentInfo) -> bool {
        // First: if it is replaced while it is opened, this shows it.
        let stamp = info.stamp();
        let segment = match SealedSegment::open(info) {
            Ok(segment) => segment,
            Err(fault) => {
                self.leave_out(info, stamp, fault);
                return false;
            }
        };
        *self.uploading.borrow_mut() = Some((info.clone(), stamp));
        let is_there = self.upload_opened(info, stamp, &segment).await;
        *self.uploading.borrow_mut() = None;
        is_there
    }

    async fn upload_opened(&mut self, info: &SegmentInfo, stamp: SegmentStamp, segment: &SealedSegment) -> bool {
        let (store, noted, address) = (self.store.clone(), self.noted.clone(), self.seat.options.target.clone());
        let mut upload = ObjectUpload::new(&store, &address, segment, &noted);
        while !is_replaced(info, &stamp) {
            match upload.attempt().await {
                Ok(()) if is_replaced(info, &stamp) => break,
                Ok(()) => {
                    self.bad.remove(&(info.core, info.id));
                    self.went_well();
                    self.report.status.delivered(segment.records, 1, segment.bytes);
                    return true;
                }
                Err(AttemptFault::Store(cause)) => self.wait_out(cause).await,
                Err(AttemptFault::Source(SegmentFault::Replaced)) => break,
                Err(AttemptFault::Source(fault)) => {
                    while let Err(cause) = upload.give_up().await {
                        self.wait_out(cause).await;
                    }
                    self.leave_out(info, stamp, fault);
                    return false;
                }
            }
        }
        // Records were erased meanwhile: nothing that was uploaded may stay there, nor what an attempt whose answer was lost may have completed. The new
        // file comes with the next look.
        while let Err(cause) = upload.give_up().await {
            self.wait_out(cause).await;
        }
        while let Err(cause) = upload.take_back().await {
            self.wait_out(cause).await;
        }
        false
    }

    fn leave_out(&mut self, info: &SegmentInfo, stamp: SegmentStamp, fault: SegmentFault) {
        let (cause, again) = match fault {
            // The next look at the log finds that out, and tells it.
            SegmentFault::Gone | SegmentFault::Replaced => return,
            SegmentFault::Damaged(cause) => (cause, None),
            SegmentFault::Unreadable(cause) => (cause, Some(Instant::now() + UNREADABLE_AGAIN)),
        };
        self.bad.insert((info.core, info.id), Bad { stamp, cause: cause.clone(), again });
        self.report.failed(cause);
    }

    /// Whether the store is there, if nothing else has shown that.
    async fn ask(&mut self) {
        match self.store.check().await {
            Ok(()) => self.went_well(),
            // The next look follows soon, and asks again.
            Err(cause) => self.wait_out(cause).await,
        }
    }

    /// The store works. Whether the courier does depends on this disk, too.
    fn went_well(&mut self) {
        self.backoff.reset();
        let Some(Bad { cause, .. }) = self.bad.values().next() else { return self.report.ready() };
        let told = match self.report.status.state() {
            DestinationState::Waiting(waiting) => waiting.cause.trouble == cause.trouble,
            DestinationState::Starting | DestinationState::Ready => false,
        };
        if !told {
            self.report.failed(cause.clone());
        }
    }

    async fn wait_out(&mut self, cause: Cause) {
        self.report.failed(cause);
        sleep(self.backoff.failed()).await;
    }
}

/// Answers who asks it to read the log again. An upload of a segment with other content by now is given up first; everything else that is in memory is in
/// the log as well.
async fn answer_rereads(handle: &Handle, uploading: &Uploading) {
    loop {
        let holds_erased = || uploading.borrow().as_ref().is_some_and(|(info, stamp)| is_replaced(info, stamp));
        if let Some(number) = handle.wants_reread().filter(|_| !holds_erased()) {
            handle.set_reread(number);
        }
        sleep(ANSWER_EVERY).await;
    }
}

/// Whether the segment has another file than the one that was opened, because records were erased from it.
fn is_replaced(info: &SegmentInfo, stamp: &SegmentStamp) -> bool {
    !info.is_deleted() && info.stamp() != *stamp
}

/// Whether a place is behind a segment.
fn is_passed(at: Place, segment: &SegmentInfo) -> bool {
    at.segment > segment.id || (at.segment == segment.id && segment.sealed() && at.offset >= segment.bytes)
}

/// Moves the position behind the segments that are uploaded, as far as they follow each other. Returns whether it moved.
fn advance(position: &mut MergePosition, segments: &[SegmentInfo], ahead: &mut BTreeSet<(u16, u64)>) -> bool {
    let mut stuck: BTreeSet<u16> = BTreeSet::new();
    let mut moved = false;
    // By core, and then by id.
    for segment in segments {
        if stuck.contains(&segment.core) {
            continue;
        }
        let passed = position.cores.get(&segment.core).is_some_and(|at| is_passed(*at, segment));
        if passed {
            continue;
        }
        if ahead.remove(&(segment.core, segment.id)) {
            position.cores.insert(segment.core, Place { segment: segment.id, offset: segment.bytes });
            moved = true;
        } else {
            stuck.insert(segment.core);
        }
    }
    moved
}
