//! Reading: one segment, a core's stream of segments, and the merge of all cores.

pub(super) mod description;
pub mod merge;
pub mod reader;
pub(super) mod vouch;
