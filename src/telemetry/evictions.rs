//! Connections closed to make room, by what they did.

use super::cell::Cell;

/// What a connection did that was closed to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// It had never sent a thing, or a part of a PROXY header.
    Silent,
    /// It had begun its first head.
    Head,
    /// It was between two requests.
    Idle,
    /// It had begun a later head, and stalled.
    LaterHead,
    /// Its body stalled.
    Body,
}

impl Eviction {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Silent, Self::Head, Self::Idle, Self::LaterHead, Self::Body];

    /// The value of the label `kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Head => "head",
            Self::Idle => "idle",
            Self::LaterHead => "later_head",
            Self::Body => "body",
        }
    }
}

/// Their counters.
#[derive(Debug)]
pub struct Evictions(Box<[Cell]>);

impl Evictions {
    /// All zero.
    pub fn new() -> Self {
        Self(Eviction::ALL.iter().map(|_| Cell::new()).collect())
    }

    /// Counts one.
    pub fn count(&self, kind: Eviction) {
        self.0[kind as usize].inc();
    }

    pub(super) fn of(&self, kind: Eviction) -> &Cell {
        &self.0[kind as usize]
    }
}

impl Default for Evictions {
    fn default() -> Self {
        Self::new()
    }
}
