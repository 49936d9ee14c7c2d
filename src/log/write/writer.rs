//! The append path, and the core's side of group commit.
//!
//! A [`Writer`] belongs to one core. The core appends, closes the group with [`Writer::kick`] at the end of its turn, and learns from
//! [`Writer::progress`] what may be answered. An append makes no system call, takes no lock and allocates nothing; everything slower is in
//! `make_room`, which is called when the window, the group or the segment is used up.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use crossbeam_channel::Sender;

use crate::log::disk::page::PAGE_BYTES;
use crate::log::format::control::State;
use crate::log::format::protocol;
use crate::log::format::protocol::Appended;
use crate::log::format::record::{ALIGN_BYTES, EXT_BYTES_MAX, Entry, Kind, RecordHeader};
use crate::log::recent::Stages;

use super::carry::Carried;
use super::fault::Fault;
use super::group_write::GroupWrite;
use super::job::Job;
use super::limits::GROUPS_MAX;
use super::notice::What;
use super::retired::Retired;
use super::segment::{Pen, RECORDS_FROM, Segment};
use super::shared::{Core, Shared, Space};
use super::wake::For;

mod checks;
mod closing;
mod commit;
mod end;
mod groups;
mod outcome;
mod staging;

use groups::{Handed, OpenGroup};
pub use outcome::{AppendError, GroupStats, Progress, Seq, WriterStats};

/// The only writer of a core's log. `Send`, and used by one thread. After a drop its remaining work is finished in the background: synced and
/// sealed.
#[derive(Debug)]
pub struct Writer {
    /// Only the drop takes it.
    inner: Option<Box<Inner>>,
}

impl Writer {
    pub(in crate::log) fn new(
        shared: Arc<Shared>,
        core: Arc<Core>,
        jobs: Sender<Job>,
        retire: Sender<Retired>,
    ) -> Writer {
        Writer { inner: Some(Box::new(Inner::new(shared, core, jobs, retire))) }
    }

    /// Appends a record.
    ///
    /// With [`Ack::Disk`](crate::log::Ack::Disk) it may be answered once [`Writer::progress`] has reached its count; with [`Ack::Memory`](crate::log::Ack::Memory) at once.
    ///
    /// # Errors
    /// See [`AppendError`]. All but `TooLarge` and `Closed` may be temporary; register first, then try again when woken.
    #[inline]
    pub fn append(&mut self, entry: &Entry<'_>) -> Result<Seq, AppendError> {
        self.inner().append(entry)
    }

    /// The end of the core's turn: hands the records appended since the last group to the syncer, if none is in flight (with
    /// [`Ack::Memory`](crate::log::Ack::Memory): and if `sync_interval` has passed). Cheap when nothing is due.
    pub fn kick(&mut self) {
        self.inner().kick();
    }

    /// Registers `waker`, to be woken when a group has been settled, when there is room again after a refusal, and when something is due. After
    /// a wake: [`Writer::progress`], the core's own work, then [`Writer::kick`].
    pub fn register(&self, waker: &Waker) {
        if let Some(inner) = &self.inner {
            inner.core.waker.register(waker);
        }
    }

    /// What may be answered now, and what was lost.
    pub fn progress(&mut self) -> Progress {
        self.inner().progress()
    }

    /// From now on this writer's owner writes the groups of directly written segments itself, on its own ring, up to two at a time: see
    /// [`Writer::next_write`]. Otherwise the syncer's thread does.
    pub fn own_writes(&mut self) {
        self.inner().owner_writes = true;
    }

    /// The next closed group for the owner to write. Every one must be returned through [`Writer::written`], even if the write failed.
    #[inline]
    pub fn next_write(&mut self) -> Option<GroupWrite> {
        self.inner().outbox.pop_front()
    }

    /// Reports that a group was written and is durable, or that its write failed. [`Writer::progress`] then says what follows.
    pub fn written(&mut self, write: GroupWrite, result: io::Result<()>) {
        self.inner().written(write, result);
    }

    /// Whether the owner still holds groups: it must not drop the writer before it has returned them.
    pub fn has_writes(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.handed.iter().any(Handed::is_with_owner))
    }

    /// Figures for metrics.
    pub fn stats(&self) -> WriterStats {
        self.inner.as_ref().map_or_else(WriterStats::default, |inner| inner.stats())
    }

    #[inline]
    fn inner(&mut self) -> &mut Inner {
        self.inner.as_mut().expect("only the drop takes it")
    }

    #[cfg(test)]
    pub(in crate::log) fn segment(&self) -> Option<&Arc<Segment>> {
        self.inner.as_ref().and_then(|inner| inner.pen.as_ref()).map(Pen::segment)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            let jobs = inner.jobs.clone();
            // The channel has a slot for it. If the syncer has died, the files are left to the next start.
            let _ = jobs.try_send(Job::Finish(inner));
        }
    }
}

/// The writer itself. At the end it moves to the syncer's thread, which finishes its work.
#[derive(Debug)]
pub(in crate::log) struct Inner {
    shared: Arc<Shared>,
    core: Arc<Core>,
    jobs: Sender<Job>,
    retire: Sender<Retired>,
    pen: Option<Pen>,
    /// Where the next record goes.
    cursor: u64,
    /// How far records may go without a closer check: the end of the window or of the group, whichever comes first.
    limit: u64,
    record_bytes_max: u64,
    last_us: u64,
    appended: Seq,
    /// Every record up to this is durable or was lost.
    accounted: Seq,
    acked: Seq,
    lost: Option<(Seq, Seq)>,
    open: OpenGroup,
    handed: VecDeque<Handed>,
    /// How many records waited for their groups at a time, lately.
    waiting: u64,
    /// Groups given to the syncer so far.
    synced: u64,
    /// The owner writes the groups of directly written segments: these are for it to fetch.
    owner_writes: bool,
    outbox: VecDeque<GroupWrite>,
    /// Groups given to the owner so far.
    tickets: u64,
    /// The memory of directly written groups.
    stages: Stages,
    /// Segments rolled away from that are not entirely durable yet, oldest first. The control page names the first of them.
    leaving: VecDeque<Arc<Segment>>,
    /// The fault of the segment being given up or replaced.
    failure: Option<Fault>,
    /// A group has failed; those after it do not count.
    broken: bool,
    /// Records answered from memory and lost with a segment, unless they have been appended again.
    carried: Option<Carried>,
    /// Which request to leave the files of its memory it is at.
    forgetting: u64,
}

impl Inner {
    fn new(shared: Arc<Shared>, core: Arc<Core>, jobs: Sender<Job>, retire: Sender<Retired>) -> Inner {
        let record_bytes_max = shared.options.record_bytes_max();
        let stages = staging::stages(&shared, &core);
        Inner {
            shared,
            core,
            jobs,
            retire,
            pen: None,
            cursor: 0,
            limit: 0,
            record_bytes_max,
            last_us: 0,
            appended: Seq(0),
            accounted: Seq(0),
            acked: Seq(0),
            lost: None,
            open: OpenGroup::default(),
            handed: VecDeque::with_capacity(GROUPS_MAX),
            waiting: 0,
            synced: 0,
            owner_writes: false,
            outbox: VecDeque::with_capacity(GROUPS_MAX),
            tickets: 0,
            stages,
            leaving: VecDeque::with_capacity(GROUPS_MAX + 1),
            failure: None,
            broken: false,
            carried: None,
            forgetting: 0,
        }
    }

    #[inline]
    fn append(&mut self, entry: &Entry<'_>) -> Result<Seq, AppendError> {
        let size = entry.stored_bytes() as u64;
        let start = entry.kind == Kind::Start;
        if entry.ext.len() > EXT_BYTES_MAX {
            return Err(AppendError::TooLarge { max: self.record_bytes_max });
        }
        if !self.fits(size, start) {
            self.make_room(size, start)?;
        }
        self.put(entry, size)
    }

    /// Whether a record can be written at the cursor now. The last part of the window and of the group is reserved for starts.
    #[inline]
    fn fits(&self, size: u64, start: bool) -> bool {
        let reserve = if start { 0 } else { self.shared.options.start_reserve_bytes };
        let sound = self.pen.as_ref().is_some_and(|pen| pen.segment().fault().is_none());
        let space = self.shared.space();
        let open = space == Space::Enough || (start && space == Space::Low);
        sound && open && self.failure.is_none() && self.cursor + size + reserve <= self.limit
    }

    /// Writes the record and publishes it. Readers rely on the order of these stores: see [`crate::log::format::protocol`].
    #[inline]
    fn put(&mut self, entry: &Entry<'_>, size: u64) -> Result<Seq, AppendError> {
        let Some(pen) = &mut self.pen else { return Err(AppendError::NotReady) };
        if pen.segment().is_direct() {
            let begins = (self.open.records == 0).then_some(self.cursor);
            if let Err(why) = staging::prepare(&mut self.stages, pen, size as usize, begins) {
                return Err(self.wait_for_stage(why));
            }
        }
        debug_assert!(self.cursor == pen.segment().cursor() && self.cursor.is_multiple_of(ALIGN_BYTES as u64));
        debug_assert!(pen.segment().durable() <= self.open.from && self.open.from <= self.cursor);
        debug_assert!(self.cursor + size <= self.limit && self.limit <= pen.segment().bytes, "beyond the window");
        debug_assert!(self.open.records > 0 || self.cursor.is_multiple_of(PAGE_BYTES), "a group begins on a page");
        let words = self.core.control.words();
        protocol::begin_append(words);
        let order_us = self.shared.clock.now_us().max(self.last_us);
        let segment = pen.segment();
        let header = RecordHeader::encode(entry, segment.marker, segment.durable(), order_us);
        pen.put_record(self.cursor, &header, [entry.ext, entry.payload], self.cursor + size);
        let first_unsynced = self.open.records == 0 && self.handed.is_empty();
        if self.open.records == 0 {
            self.open.first_us = order_us;
            if self.cursor == RECORDS_FROM {
                pen.segment().set_first_us(order_us);
            }
        }
        self.cursor += size;
        self.last_us = order_us;
        self.open.records += 1;
        self.appended.0 += 1;
        pen.segment().set_cursor(self.cursor);
        let cursor = self.leaving.is_empty().then_some(self.cursor);
        protocol::end_append(words, Appended { order_us, first_unsynced, cursor });
        let counters = &self.core.counters;
        counters.records.store(self.appended.0, Ordering::Relaxed);
        counters.bytes.store(counters.bytes.load(Ordering::Relaxed) + size, Ordering::Relaxed);
        Ok(self.appended)
    }

    /// The slow path of an append: finds what is in the way, and clears it if that can be done now.
    #[cold]
    fn make_room(&mut self, size: u64, start: bool) -> Result<(), AppendError> {
        if size > self.record_bytes_max {
            return Err(AppendError::TooLarge { max: self.record_bytes_max });
        }
        if self.shared.is_closing() {
            return Err(AppendError::Closed);
        }
        self.give_up_failed();
        if let Some(fault) = self.core.poison() {
            return Err(AppendError::Poisoned(fault));
        }
        let mut awaited = None;
        loop {
            let Err(what) = self.find_room(size, start) else {
                self.core.wait.end();
                self.go_on();
                return Ok(());
            };
            if awaited == Some(what) {
                self.core.standstills.begin(what, self.shared.clock.now_us());
                return Err(self.refusal(what));
            }
            // Register as waiting before the last check, so that anyone who makes room after it wakes us.
            awaited = Some(what);
            self.core.wait.begin(what);
            match what {
                For::Window => self.shared.wake_keeper(),
                For::Segment => self.shared.wake_preparer(),
                For::Groups | For::Sealer | For::Space | For::Hasher => {}
            }
        }
    }

    /// There is room: a standstill is over.
    fn go_on(&self) {
        if self.core.standstills.is_one() {
            self.core.standstills.end(self.shared.clock.now_us());
        }
    }

    /// Closes the group or moves on to the next segment if that makes room; otherwise says what is in the way.
    fn find_room(&mut self, size: u64, start: bool) -> Result<(), For> {
        let space = self.shared.space();
        if space == Space::Full || (space == Space::Low && !start) {
            return Err(For::Space);
        }
        if self.pen.is_none() && !self.take_fresh() {
            return Err(For::Segment);
        }
        let reserve = if start { 0 } else { self.shared.options.start_reserve_bytes };
        // At most: a new group, a new segment, and its window.
        for _ in 0..3 {
            self.refresh_limit();
            if self.fits(size, start) {
                return Ok(());
            }
            let end = self.cursor + size + reserve;
            let Some(pen) = self.pen.as_ref().filter(|_| self.failure.is_none()) else { return Err(For::Groups) };
            if end > pen.segment().bytes {
                self.roll_over()?;
            } else if end > self.open.from + self.shared.options.group_bytes_max && self.open.records > 0 {
                if !self.handed.is_empty() {
                    return Err(For::Groups);
                }
                self.hand_over();
            } else {
                break;
            }
        }
        self.refresh_limit();
        if self.fits(size, start) { Ok(()) } else { Err(For::Window) }
    }

    fn refresh_limit(&mut self) {
        let ready = self.pen.as_ref().map_or(0, |pen| pen.segment().ready());
        self.limit = ready.min(self.open.from + self.shared.options.group_bytes_max);
    }

    /// Why a record has to wait.
    fn refusal(&self, what: For) -> AppendError {
        let obstacle = self.core.obstacle().filter(|_| what == For::Segment);
        match (what, obstacle, self.failure) {
            (For::Space, ..) => AppendError::DiskFull,
            (_, Some(fault), _) if fault.is_disk_full() => AppendError::DiskFull,
            (_, Some(fault), _) | (_, None, Some(fault)) => AppendError::Failed(fault),
            (_, None, None) => AppendError::NotReady,
        }
    }

    /// Takes the prepared segment if none is in use.
    fn take_fresh(&mut self) -> bool {
        let Some(pen) = self.pop_fresh() else { return false };
        protocol::move_to(self.core.control.words(), pen.segment().id, RECORDS_FROM, RECORDS_FROM);
        self.core.control.set_state(State::Open);
        let path = pen.segment().path.clone();
        self.adopt(pen);
        if self.failure.take().is_some() {
            self.core.notify(What::Recovered { path });
            self.carried = self.carried.take().or_else(|| self.core.next_carried());
        }
        true
    }

    fn pop_fresh(&self) -> Option<Pen> {
        if self.core.replacing.load(Ordering::SeqCst) {
            return None;
        }
        let pen = self.core.fresh.pop()?;
        if let Some(invariant) = self.broken_by_fresh(pen.segment()) {
            pen.segment().fail(Fault::Invariant(invariant));
        }
        // At once: this leaves all of this segment's lifetime to prepare the next one.
        self.shared.wake_preparer();
        Some(pen)
    }

    fn adopt(&mut self, mut pen: Pen) {
        self.cursor = RECORDS_FROM;
        self.open = OpenGroup { from: RECORDS_FROM, ..OpenGroup::default() };
        if pen.segment().is_direct() {
            // If there is none, the first append asks again.
            self.stages.take().into_iter().for_each(|stage| pen.set_stage(stage));
        }
        self.pen = Some(pen);
        self.refresh_limit();
    }

    /// Moves on to the next segment, or says what that has to wait for.
    fn roll_over(&mut self) -> Result<(), For> {
        let on_the_way = self.handed.len() >= GROUPS_MAX || self.leaving.len() > GROUPS_MAX;
        if on_the_way || self.failure.is_some() {
            return Err(For::Groups);
        }
        if self.core.is_behind_with_sealing() {
            return Err(For::Sealer);
        }
        let next = self.pop_fresh().ok_or(For::Segment)?;
        self.hand_over();
        if let Some(mut old) = self.pen.take() {
            if let Some(stage) = old.take_stage() {
                self.stages.put_back(stage);
            }
            self.leaving.push_back(Arc::clone(old.segment()));
        }
        self.adopt(next);
        self.let_leave();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
