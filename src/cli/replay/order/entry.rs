//! A record and its place.

use super::held::Held;
use super::mark::Mark;

/// A record and its place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place.
    pub mark: Mark,
    /// The record.
    pub held: Held,
}
