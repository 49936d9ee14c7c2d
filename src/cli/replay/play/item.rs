//! A record with its place.

use std::time::Instant;

use crate::cli::replay::order::{Held, Mark};

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
