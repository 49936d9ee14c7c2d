//! The thread that deletes what retention lets go.
//!
//! | file | |
//! |---|---|
//! | [`deleter`] | the thread: finds out what there is, asks [`super::retain::plan()`], and takes out what goes |
//! | `deleter/take_out` | how segments leave the log, and how their space becomes free |
//! | [`together`] | which of them go together |
//! | [`as_sealed`] | whether a segment is still what was sealed |
//! | [`inventory`] | what there is: segments, their sidecars, and what holds them |
//! | [`mod@survey`] | what the thread would do now, for those who ask beside the server or without one |
//! | [`recycle`] | making a blank file of a deleted segment, for the next one |
//! | [`shrink`] | removing a large file in small, paced steps |

mod as_sealed;
pub(super) mod deleter;
mod inventory;
mod recycle;
pub(super) mod shrink;
pub mod survey;
mod together;
