//! What a table is.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::column::Column;

/// A table. Two of the same name are the same.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name, which its folder has too.
    pub name: &'static str,
    /// Its columns. The first three are [`KEY_COLUMNS`](super::column::KEY_COLUMNS).
    pub columns: &'static [Column],
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Table {}

impl PartialOrd for Table {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Table {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

impl Hash for Table {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
