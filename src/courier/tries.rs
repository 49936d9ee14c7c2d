//! Which items of a shipment are given to the destination next: all that are left; or, once it has blamed some, those of one record after the
//! other.

use std::ops::Range;

use super::cause::Cause;
use super::destination::{Blame, ShipError};
use super::shipment::Shipment;

/// How far a shipment has come.
pub(super) struct Tries<'a, T> {
    shipment: &'a Shipment<T>,
    /// The first item that is neither delivered nor refused.
    at: usize,
    /// The items whose records are tried one by one.
    suspects: Range<usize>,
}

/// What follows from a call that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of its items were delivered all the same.
    Delivered,
    /// The same items are to be tried again after a pause, without those that were delivered.
    Again(Cause),
    /// Some record is refused: fewer are tried at once.
    Narrowed,
    /// The record with this number is refused, and has been passed over.
    Refused(usize, Cause),
}

impl<'a, T> Tries<'a, T> {
    /// Nothing has been delivered yet.
    pub(super) fn new(shipment: &'a Shipment<T>) -> Self {
        Self { shipment, at: 0, suspects: 0..0 }
    }

    /// The first item that is neither delivered nor refused.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The items of the next call; `None` if all are through.
    pub(super) fn next(&self) -> Option<Range<usize>> {
        let (at, total) = (self.at, self.shipment.items.len());
        let end = match self.suspects.contains(&at) {
            true => self.shipment.items_of_record_of(at).end,
            false if self.suspects.start > at => self.suspects.start,
            false => total,
        };
        (at < total).then_some(at..end)
    }

    /// These items, of the last call, were delivered.
    pub(super) fn delivered(&mut self, items: Range<usize>) {
        self.at = items.end;
    }

    /// The last call, with these items, failed.
    pub(super) fn failed(&mut self, items: Range<usize>, fault: ShipError) -> Verdict {
        let (first, end) = (items.start, items.end);
        self.at = first + fault.delivered.min(end - first);
        let at = self.at;
        match fault.blame {
            _ if at == end => Verdict::Delivered,
            Blame::Destination => Verdict::Again(fault.cause),
            // It was alone, or what is left of this call is of one record: that is the one.
            Blame::Items(_) if self.shipment.items_of_record_of(at).end == end => {
                self.at = end;
                Verdict::Refused(self.shipment.index_of(at), fault.cause)
            }
            Blame::Items(blamed) => {
                let begin = (first + blamed.start).clamp(at, end - 1);
                let last = (first + blamed.end).clamp(begin + 1, end) - 1;
                // Whole records, but for what has been delivered of the first.
                let begin = self.shipment.items_of_record_of(begin).start.max(at);
                self.suspects = begin..self.shipment.items_of_record_of(last).end;
                Verdict::Narrowed
            }
        }
    }
}
