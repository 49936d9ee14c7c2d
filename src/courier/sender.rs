//! Sends single records to a destination, outside of a running courier: dead letters, once their cause has been mended.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::cause::{Cause, Trouble};
use super::destination::{Blame, Destination, Packer, ShipError};
use super::stored_record::StoredRecord;

/// How long a record may take.
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
    pub fn new<P, D>(mut packer: P, mut destination: D) -> io::Result<Self>
    where
        P: Packer,
        D: Destination<Item = P::Item>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let send = move |record: &StoredRecord| {
            let mut items = Vec::new();
            if let Err(cause) = packer.pack(&record.record(), &mut items) {
                return Sent::Refused(cause);
            }
            match runtime.block_on(async { timeout(SEND_MAX, ship(&mut destination, &items)).await }) {
                Ok(Ok(())) => Sent::Arrived,
                Ok(Err(ShipError { blame: Blame::Items(_), cause, .. })) => Sent::Refused(cause),
                Ok(Err(ShipError { blame: Blame::Destination, cause, .. })) => Sent::NotNow(cause),
                Err(_) => {
                    destination.disconnect();
                    let text = format!("nothing came back within {} s", SEND_MAX.as_secs());
                    Sent::NotNow(Cause::new(Trouble::TimedOut, "", text))
                }
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
async fn ship<D: Destination>(destination: &mut D, items: &[D::Item]) -> Result<(), ShipError> {
    destination.connect().await.map_err(ShipError::destination)?;
    let mut at = 0;
    while at < items.len() {
        match destination.ship(&items[at..]).await {
            Ok(()) => return Ok(()),
            // Blamed is what comes after these.
            Err(error) if error.delivered > 0 => at += error.delivered,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
