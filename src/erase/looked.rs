//! What a run has found of the log's segments, for the copies that are elsewhere.

use std::collections::BTreeMap;

/// The segments that were looked at, by core and id.
#[derive(Debug, Default)]
pub struct Looked {
    /// Whether nothing that is to be erased is left in it.
    clean: BTreeMap<(u16, u64), bool>,
}

impl Looked {
    /// Adds a segment.
    pub fn add(&mut self, core: u16, segment: u64, is_clean: bool) {
        self.clean.insert((core, segment), is_clean);
    }

    /// Whether it was looked at. Others of the log began later.
    pub fn has(&self, core: u16, segment: u64) -> bool {
        self.clean.contains_key(&(core, segment))
    }

    /// Whether it was looked at, and nothing that is to be erased is left in it.
    pub fn is_clean(&self, core: u16, segment: u64) -> bool {
        self.clean.get(&(core, segment)) == Some(&true)
    }
}
