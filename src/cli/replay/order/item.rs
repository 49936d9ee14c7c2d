//! A record with its place.

use std::time::Instant;

use super::held::Held;
use super::mark::Mark;

/// A record that is to be sent.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its place.
    pub mark: Mark,
    /// When it is due, where there is a pace.
    pub due: Option<Instant>,
    /// The record.
    pub held: Held,
}
