//! The writer's invariants, checked once per group or segment: see [`Invariant`].

use std::sync::atomic::Ordering;

use crate::log::disk::page::PAGE_BYTES;
use crate::log::format::control::at;
use crate::log::write::invariant::Invariant;
use crate::log::write::segment::{RECORDS_FROM, Segment};

use super::{Inner, Seq};

impl Inner {
    /// What is wrong with the open group, which has just been closed and is about to be handed over.
    pub(super) fn broken_by_closing(&self, segment: &Segment) -> Option<Invariant> {
        let (from, to) = (self.open.from, self.cursor);
        let behind = match self.handed.back() {
            Some(last) if last.segment.id == segment.id => last.to,
            _ => segment.durable(),
        };
        if !from.is_multiple_of(PAGE_BYTES) || from != behind {
            return Some(Invariant::GroupBegin);
        }
        if !to.is_multiple_of(PAGE_BYTES) || to <= from || to != segment.cursor() || to > segment.bytes {
            return Some(Invariant::GroupEnd);
        }
        let before = self.handed.back().map_or(self.accounted, |last| last.last);
        (self.appended.0 != before.0 + self.open.records).then_some(Invariant::Sequence)
    }

    /// What is wrong with the oldest group, which has become durable and is about to be acknowledged.
    pub(super) fn broken_by_settled(&self, segment: &Segment, records: u64, last: Seq) -> Option<Invariant> {
        if records == 0 || last.0 != self.accounted.0 + records || last > self.appended {
            return Some(Invariant::Sequence);
        }
        self.broken_by_page(segment)
    }

    /// What is wrong with the control page for a segment whose durable end is about to be published.
    pub(super) fn broken_by_page(&self, segment: &Segment) -> Option<Invariant> {
        let word = |at| self.core.control.word(at).load(Ordering::Relaxed);
        let sound = word(at::SEGMENT) == segment.id
            && word(at::DURABLE) <= segment.durable()
            && segment.durable() <= word(at::CURSOR);
        (!sound).then_some(Invariant::ControlPage)
    }

    /// What is wrong with a segment that the control page is about to leave.
    pub(super) fn broken_by_leaving(&self, segment: &Segment) -> Option<Invariant> {
        (segment.durable() != segment.cursor()).then_some(Invariant::LeftDurable)
    }

    /// What is wrong with a segment that is about to be taken.
    pub(super) fn broken_by_fresh(&self, fresh: &Segment) -> Option<Invariant> {
        let named = self.core.control.word(at::SEGMENT).load(Ordering::Relaxed);
        let before = self.pen.as_ref().map_or(named, |pen| pen.segment().id.max(named));
        let sound = fresh.id > before && fresh.cursor() == RECORDS_FROM && fresh.durable() == RECORDS_FROM;
        (!sound).then_some(Invariant::FreshSegment)
    }
}
