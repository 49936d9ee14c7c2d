//! Reading: one segment, a core's stream of segments, and the merge of all cores.

pub mod merge;
pub mod reader;
pub(super) mod vouch;
