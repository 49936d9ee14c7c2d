//! The core's side of group commit: closing groups, collecting their results, and handling a failure.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::log::format::control::State;
use crate::log::format::protocol;
use crate::log::options::Ack;
use crate::log::recent::RecentGroup;
use crate::log::write::fault::Fault;
use crate::log::write::invariant::Invariant;
use crate::log::write::job::Job;
use crate::log::write::retired::Retired;
use crate::log::write::segment::{Pen, Segment};
use crate::log::write::wake::For;

use super::groups::{By, Handed, OpenGroup};
use super::{AppendError, GroupStats, GroupWrite, Inner, Progress, RECORDS_FROM, Seq};

/// A second concurrent write costs a core as much as the first: it pays from this many records on (`docs/performance.md`),
const SECOND_GROUP_RECORDS: u64 = 16;
/// and from this part of all that wait, so that many clients share few writes.
const SECOND_GROUP_OF_WAITING: (u64, u64) = (3, 8);
/// How much is appended again at a time: it takes the core some 0.3 ms.
const CARRY_SLICE_BYTES: u64 = 1 << 20;

impl Inner {
    pub(super) fn kick(&mut self) {
        if self.open.records > 0 && self.failure.is_none() && self.may_hand_over() {
            match self.shared.options.ack {
                Ack::Disk => self.hand_over(),
                Ack::Memory => self.hand_over_when_due(),
            }
        }
        let standstills = &self.core.standstills;
        // The next block may be held although nobody wants it yet.
        let is_held = || standstills.is_for(For::Hasher) && self.stages.is_held();
        if standstills.is_one() && self.fits(0, false) && !is_held() {
            self.go_on();
        }
        if self.limit.saturating_sub(self.cursor) < self.shared.options.window_bytes / 2 {
            self.refresh_limit();
            let window = self.pen.as_ref().map_or(0, |pen| pen.segment().ready().saturating_sub(self.cursor));
            if window < self.shared.options.window_bytes / 2 {
                self.shared.wake_keeper();
            }
        }
    }

    /// One group is in flight at a time, so that what arrives meanwhile shares the next; a second one if the owner's ring can take it and it
    /// holds enough records to be worth a write of its own.
    fn may_hand_over(&self) -> bool {
        match self.handed.front() {
            None => true,
            Some(front) => self.handed.len() == 1 && front.is_with_owner() && self.is_worth_a_second(),
        }
    }

    fn is_worth_a_second(&self) -> bool {
        let options = &self.shared.options;
        let (part, of) = SECOND_GROUP_OF_WAITING;
        // Records that are answered from memory do not wait.
        let share = if options.ack == Ack::Disk { self.waiting * part / of } else { 0 };
        let records = self.open.records;
        records >= SECOND_GROUP_RECORDS
            && (records >= share || self.cursor - self.open.from >= options.group_bytes_max / 2)
    }

    pub(super) fn written(&mut self, write: GroupWrite, result: io::Result<()>) {
        let GroupWrite { segment, ticket, begun, .. } = write;
        self.core.note_sync(begun.elapsed(), self.shared.options.slow_sync);
        let group = self.handed.iter_mut().find(|group| matches!(group.by, By::Owner(theirs) if theirs == ticket));
        match group {
            Some(group) => group.by = By::Written(result),
            None => segment.fail(Fault::Invariant(Invariant::ReturnedWrite)),
        }
    }

    pub(super) fn hand_over_when_due(&mut self) {
        let options = &self.shared.options;
        let age_us = self.shared.clock.now_us().saturating_sub(self.open.first_us);
        let interval_us = options.sync_interval.as_micros() as u64;
        if age_us >= interval_us || self.cursor - self.open.from >= options.group_bytes_max / 2 {
            self.hand_over();
        } else if !self.core.alarm.swap(true, Ordering::SeqCst) {
            let after = options.sync_interval;
            let _ = self.jobs.try_send(Job::Alarm(after));
        }
    }

    pub(super) fn progress(&mut self) -> Progress {
        let group = self.collect();
        self.give_up_failed();
        if self.core.age_due.swap(false, Ordering::SeqCst) && self.cursor > RECORDS_FROM {
            // If it can't be done now the keeper will ask again.
            let _ = self.roll_over();
        }
        if self.core.forget_asked.load(Ordering::SeqCst) != self.core.forgotten.load(Ordering::Relaxed) {
            self.forget();
        }
        if self.shared.options.ack == Ack::Memory {
            self.append_carried(CARRY_SLICE_BYTES);
            self.acked = self.appended;
            self.kick();
        }
        Progress { acked: self.acked, lost: self.lost.take(), group }
    }

    /// Appends again up to this many bytes of records answered from memory and lost. The rest follows when these are durable, or there is room.
    pub(super) fn append_carried(&mut self, slice_bytes: u64) {
        if self.carried.is_none() && self.failure.is_some() {
            self.carried = self.core.next_carried();
        }
        let mut left = slice_bytes;
        while let Some(mut carried) = self.carried.take() {
            while let Some(entry) = carried.front().filter(|_| left > 0) {
                let size = entry.stored_bytes() as u64;
                match self.append(&entry) {
                    Ok(_) => self.core.counters.restored.fetch_add(1, Ordering::Relaxed),
                    // It has been appended before, so it fits.
                    Err(AppendError::TooLarge { .. }) => 0,
                    Err(_) => {
                        self.carried = Some(carried);
                        return;
                    }
                };
                carried.pop();
                left = left.saturating_sub(size);
            }
            if carried.len() > 0 {
                self.carried = Some(carried);
                return;
            }
            self.carried = self.core.next_carried();
        }
    }

    /// Processes the groups that the syncer has settled. The durable end is in the control page before their answers can go out.
    pub(super) fn collect(&mut self) -> Option<GroupStats> {
        let synced = self.core.groups_done.load(Ordering::Acquire);
        let mut stats: Option<GroupStats> = None;
        let settled = |group: &Handed| match group.by {
            By::Syncer(number) => number <= synced,
            By::Owner(_) => false,
            By::Written(_) => true,
        };
        while self.handed.front().is_some_and(settled) {
            let Some(group) = self.handed.pop_front() else { break };
            if let By::Written(result) = group.by {
                // The segment keeps a failure.
                let _ = group.segment.settle_written(group.from, group.to, result);
            }
            if !self.broken
                && group.sound
                && group.segment.durable() >= group.to
                && let Some(invariant) = self.broken_by_settled(&group.segment, group.records, group.last)
            {
                group.segment.fail(Fault::Invariant(invariant));
                self.broken = true;
            }
            // After a failed group none counts: they are all appended again, in order.
            if self.broken || !group.sound || group.segment.durable() < group.to {
                self.broken = true;
                self.failure = self.failure.or(group.segment.fault()).or(Some(Fault::Syncer));
                self.keep_lost(group.segment.id, group.pages.map(|(pages, _)| pages));
                continue;
            }
            self.publish_durable(&group.segment);
            if let Some((bytes, block)) = group.pages {
                self.stages.publish(RecentGroup { segment: group.segment.id, from: group.from, bytes, block });
            }
            self.acked = group.last;
            self.accounted = group.last;
            self.let_leave();
            let stats = stats.get_or_insert_default();
            stats.records += group.records;
            stats.bytes += group.to - group.from;
            stats.sync_us = self.core.sync_us.load(Ordering::Relaxed);
        }
        if stats.is_some() {
            self.publish_first_unsynced();
        }
        stats
    }

    /// The control page names the oldest segment that still has something to sync, which is the oldest group's.
    pub(super) fn publish_durable(&self, segment: &Segment) {
        protocol::publish_durable(self.core.control.words(), segment.durable());
    }

    pub(super) fn publish_first_unsynced(&self) {
        let open = if self.open.records > 0 { self.open.first_us } else { 0 };
        let first = self.handed.front().map_or(open, |group| group.first_us);
        protocol::publish_first_unsynced(self.core.control.words(), first);
    }

    /// Hands the segments rolled away from to the sealer, once all of their groups are settled, and moves the control page on.
    pub(super) fn let_leave(&mut self) {
        while let Some(segment) = self.leaving.front() {
            if self.handed.iter().any(|group| group.segment.id == segment.id) {
                break;
            }
            if let Some(invariant) = self.broken_by_leaving(segment) {
                let fault = Fault::Invariant(invariant);
                segment.fail(fault);
                self.failure = self.failure.or(Some(fault));
                // The next turn gives it up.
                self.core.waker.wake();
                break;
            }
            let Some(segment) = self.leaving.pop_front() else { break };
            let current = self.pen.as_ref().map(Pen::segment);
            if let Some(next) = self.leaving.front().or(current) {
                protocol::move_to(self.core.control.words(), next.id, next.cursor(), next.durable());
            }
            self.retire(segment);
        }
    }

    /// The segment's durable end is final: hands it to the sealer.
    pub(super) fn retire(&self, segment: Arc<Segment>) {
        segment.leave();
        self.core.unsealed.fetch_add(1, Ordering::AcqRel);
        // If the queue is full (repeated failures), or the sealer has died, the next start seals the file.
        let _ = self.retire.try_send(Retired { core: Arc::clone(&self.core), segment });
    }

    /// After a failure: everything of this core that is not durable counts as lost, and the next append waits for a segment that has proved
    /// itself after the failure.
    pub(super) fn give_up_failed(&mut self) {
        if self.failure.is_none() {
            self.failure = self.pen.as_ref().and_then(|pen| pen.segment().fault());
        }
        let Some(fault) = self.failure else { return };
        // The syncer first finishes the jobs that it has: their results must not mix with what follows.
        let Some(mut pen) = self.pen.take_if(|_| self.handed.is_empty() && self.lost.is_none()) else { return };
        self.leave_stage(&mut pen);
        self.core.control.set_state(State::Failed);
        protocol::publish_first_unsynced(self.core.control.words(), 0);
        // Segments younger than the failed one are given up with it, so that what is appended again keeps its order. The control page stays
        // where it is until all of them are cut to their durable ends.
        self.broken = false;
        self.leaving.push_back(Arc::clone(pen.segment()));
        let failed = self.leaving.iter().find(|segment| segment.fault().is_some()).map(|segment| segment.path.clone());
        while let Some(segment) = self.leaving.pop_front() {
            segment.fail(fault);
            self.core.add_to_cut(Arc::clone(&segment));
            self.retire(segment);
        }
        debug_assert!(self.acked <= self.accounted || self.shared.options.ack == Ack::Memory);
        debug_assert!(self.accounted <= self.appended, "no more is accounted for than was appended");
        (self.cursor, self.limit, self.open) = (0, 0, OpenGroup::default());
        if self.accounted < self.appended {
            self.lost = Some((Seq(self.accounted.0 + 1), self.appended));
            self.core.counters.lost.fetch_add(self.appended.0 - self.accounted.0, Ordering::Relaxed);
            self.accounted = self.appended;
        }
        self.core.note_failure(fault, failed.as_deref());
        self.core.replacing.store(true, Ordering::SeqCst);
        self.core.wait.begin(For::Segment);
        self.shared.wake_preparer();
    }
}
