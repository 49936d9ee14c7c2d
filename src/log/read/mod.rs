//! Reading: one segment, a core's stream of segments, and the merge of all cores.
//!
//! | file | |
//! |---|---|
//! | `reader` | which segments there are, how far each may be read (`extent`, `end`), the records of one (`scan`) |
//! | `merge` | all cores' records in one order: `stream` (one core), `repeats` (left out), `repeat_filter` (the same for a part of the log), `projects` (of sessions), `since` (from a time on), `settled` (once, to the end) |
//! | `received` | when records were received, where order time does not say it |
//! | `vouch` | which place in their segment a stretch of records claims |
//! | `description` | what a sidecar says of a segment |

pub mod description;
pub mod merge;
pub mod reader;
pub mod received;
pub(super) mod vouch;
