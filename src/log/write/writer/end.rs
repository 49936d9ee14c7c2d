//! A writer's end: runs on the syncer's thread, once the core has dropped the writer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::log::options::Ack;
use crate::log::write::fault::Fault;
use crate::log::write::job::Finish;

use super::{Inner, WriterStats};

impl Finish for Inner {
    fn finish(mut self: Box<Self>) {
        self.collect();
        if !self.handed.is_empty() {
            // The owner has left with groups that the kernel may still be writing: the next start decides about this file.
            self.core.control.close();
            return;
        }
        self.give_up_failed();
        if self.shared.options.ack == Ack::Memory {
            // A segment may be ready for records that were answered and have to be appended again.
            let _ = self.pen.is_some() || self.take_fresh();
            // There is no later turn for what would have to wait for the hasher.
            self.stages.let_go();
            self.append_carried(u64::MAX);
        }
        let all_durable = self.sync_rest() && self.failure.is_none();
        self.publish_first_unsynced();
        self.core.control.close();
        if let Some(mut pen) = self.pen.take() {
            self.leave_stage(&mut pen);
            self.retire(Arc::clone(pen.segment()));
        }
        self.leave_stages(all_durable);
    }
}

impl Inner {
    /// Makes the open group durable; false if that failed.
    fn sync_rest(&mut self) -> bool {
        if self.open.records == 0 || self.failure.is_some() {
            return true;
        }
        self.close_group();
        let pages = self.take_pages().map(|(bytes, _)| bytes);
        let Some(pen) = &self.pen else { return true };
        let segment = Arc::clone(pen.segment());
        let synced =
            self.core.sync_group(&segment, self.open.from, self.cursor, pages.as_ref(), self.shared.options.slow_sync);
        let vouched = || self.broken_by_page(&segment).map_or(Ok(()), |invariant| Err(Fault::Invariant(invariant)));
        let result = synced.and_then(|()| vouched());
        match result {
            Ok(()) => {
                self.publish_durable(&segment);
                self.accounted = self.appended;
            }
            Err(fault) => {
                // Nobody is left who could append them again; records that were answered are in an earlier group.
                self.core.counters.lost.fetch_add(self.open.records, Ordering::Relaxed);
                self.core.note_failure(fault, Some(&segment.path));
            }
        }
        self.open.records = 0;
        result.is_ok()
    }

    pub(super) fn stats(&self) -> WriterStats {
        let ready = self.pen.as_ref().map_or(0, |pen| pen.segment().ready());
        WriterStats {
            records: self.appended.0,
            bytes: self.core.counters.bytes.load(Ordering::Relaxed),
            unsynced: self.appended.0 - self.accounted.0,
            window_bytes: ready.saturating_sub(self.cursor),
        }
    }
}
