//! Putting records in order with bounded memory: what does not fit waits in a temporary file.
//!
//! | file | holds |
//! |---|---|
//! | `mark` | the place of a record in what is played |
//! | `held` | a record with memory of its own |
//! | `entry`, `item` | a record with its place, as it is sorted and as it is sent |
//! | `budget` | how much memory may be taken |
//! | `spill` | the temporary file, and records in it |
//! | `run` | records in order, in memory or in that file |
//! | `merge` | several runs as one |
//! | `sorter` | records in any order, as runs |

mod budget;
mod entry;
mod held;
mod item;
mod mark;
mod merge;
mod run;
mod sorter;
mod spill;

#[cfg(test)]
mod tests;

pub(super) use budget::Budget;
pub(super) use entry::Entry;
pub(super) use held::Held;
pub(super) use item::Item;
pub(super) use mark::Mark;
pub(super) use merge::MergedRuns;
pub(super) use run::Run;
pub(super) use sorter::Sorter;
pub(super) use spill::Spill;
