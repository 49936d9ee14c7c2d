//! Sets of messages' ids.

/// A set of ids. Of those above 127, which no catalogue has, it holds all or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdSet {
    low: u128,
    has_high: bool,
}

impl IdSet {
    /// Every id.
    pub const ALL: Self = Self { low: u128::MAX, has_high: true };
    /// No id.
    pub const NONE: Self = Self { low: 0, has_high: false };

    /// This set and one id more.
    ///
    /// # Panics
    /// If the id is above 127.
    #[must_use]
    pub const fn with(mut self, id: u64) -> Self {
        assert!(id < 128, "an id that a catalogue can have");
        self.low |= 1 << id;
        self
    }

    /// Whether the id is in it.
    pub const fn has(self, id: u64) -> bool {
        if id < 128 { self.low >> id & 1 == 1 } else { self.has_high }
    }
}

#[cfg(test)]
mod tests;
