//! What every kind of destination implements.

use std::future::Future;
use std::ops::Range;

use crate::log::format::record::Record;

use super::cause::Cause;

/// Makes the items that a destination takes from the log's records. Runs on the courier's reading thread.
pub trait Packer: Send + 'static {
    /// What the destination takes: a message, a row, a line. Its memory must not depend on anything but the record.
    type Item: Send + Sync + 'static;

    /// Appends the items of `record` to `items`, in order: none if it is not for this destination.
    ///
    /// # Errors
    /// The record is for this destination, but can never be given to it. What was appended is dropped, and the record becomes a dead letter.
    fn pack(&mut self, record: &Record<'_>, items: &mut Vec<Self::Item>) -> Result<(), Cause>;

    /// The bytes of memory that an item takes, for the bound on a shipment.
    fn item_bytes(item: &Self::Item) -> usize;
}

/// A Postgres, a Redis, a Kafka cluster, a bucket. Runs on the side runtime, one call at a time.
pub trait Destination: Send + 'static {
    /// What it takes.
    type Item: Send + Sync + 'static;

    /// Delivers the items in this order, and returns once the destination has confirmed them all. Connects first, if there is no connection.
    ///
    /// Every wait has a limit of its own. The future may be dropped at any await, which must leave `self` fit for the next call; that call may
    /// bring the same items again.
    fn ship(&mut self, items: &[Self::Item]) -> impl Future<Output = Result<(), ShipError>> + Send;

    /// Connects, unless there is a connection. Returns whether there was none: then it is found out whether the destination still holds what it
    /// was given ([`still_has`](Self::still_has)), before anything is shipped.
    fn connect(&mut self) -> impl Future<Output = Result<bool, Cause>> + Send {
        async { Ok(false) }
    }

    /// What the destination holds now, in words of its own, from which [`still_has`](Self::still_has) can tell later whether it still does.
    /// `None`: it loses nothing that it has confirmed, or that can't be told.
    fn mark(&self) -> Option<String> {
        None
    }

    /// Whether it still holds what it held when this mark was made.
    fn still_has(&mut self, _mark: &str) -> impl Future<Output = Result<bool, Cause>> + Send {
        async { Ok(true) }
    }

    /// Whether something that it was given before this mark was made may not have been read there yet.
    fn needs(&self, _mark: &str) -> bool {
        false
    }

    /// Forgets the connection, because a call was given up.
    fn disconnect(&mut self);

    /// Called every few seconds while there is nothing to ship: keeps the connection alive, and finds out whether the destination is there.
    fn idle(&mut self) -> impl Future<Output = Result<(), Cause>> + Send {
        async { Ok(()) }
    }
}

/// Why items were not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipError {
    /// How many items, from the first on, the destination has confirmed all the same.
    pub delivered: usize,
    /// Whose fault it is.
    pub blame: Blame,
    /// What it is.
    pub cause: Cause,
}

/// Whose fault it is that items were not delivered. Told by codes, never by a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    /// The destination's: the same items are tried again until it takes them.
    Destination,
    /// That of one or several of these items: the records that they belong to are tried one by one, and what is refused alone becomes a dead
    /// letter. The range counts from the first item of the call; give it as narrow as it is known.
    Items(Range<usize>),
}

impl ShipError {
    /// The destination's fault, with nothing delivered.
    pub fn destination(cause: Cause) -> Self {
        Self { delivered: 0, blame: Blame::Destination, cause }
    }

    /// The fault of items, with nothing delivered.
    pub fn items(items: Range<usize>, cause: Cause) -> Self {
        Self { delivered: 0, blame: Blame::Items(items), cause }
    }

    /// The same, when the first `delivered` items have been confirmed.
    #[must_use]
    pub fn after(self, delivered: usize) -> Self {
        Self { delivered, ..self }
    }
}
