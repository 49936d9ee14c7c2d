//! Sends many records to a destination, outside of a running courier: a replay.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::log::format::record::Record;

use super::backoff::Backoff;
use super::calls::Calls;
use super::cause::{Cause, Trouble};
use super::destination::{Destination, Packer};
use super::shipment::{Shipment, ShipmentBounds};
use super::tries::{Tries, Verdict};

/// How long a call may take. Each destination has limits of its own below this one.
const CALL_MAX: Duration = Duration::from_secs(120);

/// What became of a record. When the latest of the records told is through, all that were given before it are.
#[derive(Debug)]
pub enum Told<'a> {
    /// The destination has confirmed what was made of it: so many items.
    Confirmed(Record<'a>, usize),
    /// The destination refuses it, or nothing can be made of it that the destination takes. The others go on.
    Refused(Record<'a>, &'a Cause),
    /// The destination takes nothing for now: what waits is tried again after a pause.
    Waits(&'a Cause),
}

/// Why no more is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GaveUp {
    /// The latest cause.
    pub cause: Cause,
    /// How many attempts have failed one after the other.
    pub attempts: u32,
}

/// A packer and a destination of one courier. Records are collected up to the size of a shipment and shipped in the order in which they were
/// given. Holds one shipment.
pub struct BulkSender(Box<dyn Bulk>);

/// Whatever the packer and the destination are.
trait Bulk {
    fn add(&mut self, record: &Record<'_>) -> bool;
    fn is_full(&self) -> bool;
    fn ship(&mut self, tell: &mut dyn FnMut(Told<'_>)) -> Result<(), GaveUp>;
}

impl fmt::Debug for BulkSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkSender").finish_non_exhaustive()
    }
}

impl BulkSender {
    /// A sender, with a runtime of its own. What the destination does not take is tried again so many times.
    ///
    /// # Errors
    /// The runtime could not be started.
    pub fn new<P, D>(packer: P, destination: D, bounds: ShipmentBounds, retries: u32) -> io::Result<Self>
    where
        P: Packer,
        D: Destination<Item = P::Item>,
    {
        let calls = Calls::new(destination, CALL_MAX)?;
        Ok(Self(Box::new(Shipper { packer, calls, bounds, retries, shipment: Shipment::default() })))
    }

    /// Takes a record, and ships what has been collected if that is enough. Returns false if the destination gets nothing of this record.
    ///
    /// # Errors
    /// The destination does not take what was collected. Nothing more may be given.
    pub fn push(&mut self, record: &Record<'_>, tell: &mut dyn FnMut(Told<'_>)) -> Result<bool, GaveUp> {
        let is_for_it = self.0.add(record);
        if self.0.is_full() {
            self.0.ship(tell)?;
        }
        Ok(is_for_it)
    }

    /// Ships what has been collected.
    ///
    /// # Errors
    /// The destination does not take it. Nothing more may be given.
    pub fn flush(&mut self, tell: &mut dyn FnMut(Told<'_>)) -> Result<(), GaveUp> {
        self.0.ship(tell)
    }
}

struct Shipper<P: Packer, D> {
    packer: P,
    calls: Calls<D>,
    bounds: ShipmentBounds,
    retries: u32,
    /// What has been collected.
    shipment: Shipment<P::Item>,
}

impl<P: Packer, D: Destination<Item = P::Item>> Bulk for Shipper<P, D> {
    fn add(&mut self, record: &Record<'_>) -> bool {
        let count = |shipment: &Shipment<P::Item>| shipment.record_count() + shipment.unsendable.len();
        let before = count(&self.shipment);
        self.shipment.add(&mut self.packer, record);
        count(&self.shipment) > before
    }

    fn is_full(&self) -> bool {
        self.shipment.is_full(self.bounds)
    }

    fn ship(&mut self, tell: &mut dyn FnMut(Told<'_>)) -> Result<(), GaveUp> {
        let shipment = std::mem::take(&mut self.shipment);
        let mut tries = Tries::new(&shipment);
        let (mut backoff, mut attempts) = (Backoff::default(), 0);
        // How many records are through.
        let mut told = 0;
        while let Some(items) = tries.next() {
            let first = items.start;
            let verdict = match self.calls.ship(&shipment.items[items.clone()]) {
                Ok(true) => {
                    tries.delivered(items);
                    Verdict::Delivered
                }
                Ok(false) => {
                    return Err(GaveUp { cause: Cause::new(Trouble::Lost, "", ""), attempts: 1 });
                }
                Err(fault) => tries.failed(items, fault),
            };
            let through = match &verdict {
                Verdict::Refused(number, _) => *number,
                _ => shipment.index_of(tries.at()),
            };
            for number in told..through {
                let (record, items) = shipment.record(number);
                tell(Told::Confirmed(record.record(), items.len()));
            }
            told = told.max(through);
            if tries.at() > first {
                (backoff, attempts) = (Backoff::default(), 0);
            }
            match verdict {
                Verdict::Delivered | Verdict::Narrowed => {}
                Verdict::Refused(number, cause) => {
                    tell(Told::Refused(shipment.record(number).0.record(), &cause));
                    told = number + 1;
                }
                Verdict::Again(cause) => {
                    attempts += 1;
                    if attempts > self.retries {
                        return Err(GaveUp { cause, attempts });
                    }
                    tell(Told::Waits(&cause));
                    self.calls.pause(backoff.failed());
                }
            }
        }
        // Last: what was told is through, and so is all that was given before it.
        for (record, cause) in &shipment.unsendable {
            tell(Told::Refused(record.record(), cause));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
