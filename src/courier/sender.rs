//! Sends single records to a destination, outside of a running courier: dead letters, once their cause has been mended.

use std::fmt;
use std::io;
use std::time::Duration;

use super::calls::Calls;
use super::cause::Cause;
use super::destination::{Destination, Packer};
use super::shipment::Shipment;
use super::stored_record::StoredRecord;
use super::tries::{Tries, Verdict};

/// How long a call may take.
const SEND_MAX: Duration = Duration::from_secs(60);

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It has arrived.
    Arrived,
    /// It is still refused.
    Refused(Cause),
    /// The destination takes nothing. That says nothing about the record.
    NotNow(Cause),
}

/// A packer and a destination of one courier. Every call waits for the destination.
pub struct Sender(Box<dyn FnMut(&StoredRecord) -> Sent>);

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// A sender, with a runtime of its own.
    ///
    /// # Errors
    /// The runtime could not be started.
    pub fn new<P, D>(mut packer: P, destination: D) -> io::Result<Self>
    where
        P: Packer,
        D: Destination<Item = P::Item>,
    {
        let mut calls = Calls::new(destination, SEND_MAX)?;
        let send = move |record: &StoredRecord| {
            let mut shipment = Shipment::default();
            shipment.add(&mut packer, &record.record());
            match shipment.unsendable.pop() {
                Some((_, cause)) => Sent::Refused(cause),
                None => send(&mut calls, &shipment),
            }
        };
        Ok(Self(Box::new(send)))
    }

    /// Sends a record.
    pub fn send(&mut self, record: &StoredRecord) -> Sent {
        (self.0)(record)
    }
}

/// Ships the items of one record, in whatever parts the destination takes them.
fn send<D: Destination>(calls: &mut Calls<D>, shipment: &Shipment<D::Item>) -> Sent {
    let mut tries = Tries::new(shipment);
    while let Some(items) = tries.next() {
        let fault = match calls.ship(&shipment.items[items.clone()]) {
            Ok(true) => {
                tries.delivered(items);
                continue;
            }
            // Records that were sent before are lost there, which says nothing about this one.
            Ok(false) => continue,
            Err(fault) => fault,
        };
        let first = items.start;
        match tries.failed(items, fault) {
            Verdict::Refused(_, cause) => return Sent::Refused(cause),
            // Blamed is what comes after the delivered ones.
            Verdict::Again(_) if tries.at() > first => {}
            Verdict::Again(cause) => return Sent::NotNow(cause),
            Verdict::Delivered | Verdict::Narrowed => {}
        }
    }
    Sent::Arrived
}
