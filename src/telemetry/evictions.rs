//! Connections closed to make room, by the state that they were in.

use super::cell::Cell;

/// The state of a connection that was closed to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// It had sent nothing, or only part of a PROXY header.
    Silent,
    /// It had begun to send its first head.
    Head,
    /// It was idle between two requests.
    Idle,
    /// It stalled in a later head.
    LaterHead,
    /// It stalled in a body.
    Body,
}

impl Eviction {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Silent, Self::Head, Self::Idle, Self::LaterHead, Self::Body];

    /// The value of the `kind` label.
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

/// The counters for each kind.
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
