//! Checks batches behind the log, where no client waits.
//!
//! A refusal would end a session, and sending it again can't mend what is broken; but a malformed batch truncates the session that it belongs to, and somebody should know.
//! The checker is a consumer of the log that holds nothing back. It checks each batch's coding and structure, counts what is broken by kind, project and tracker, and lists it in
//! `broken.ndjson` in the data folder. It takes at most a set share of one processor; when it falls far behind, it skips to the end of the log and counts that too.
//!
//! | file | |
//! |---|---|
//! | `thread` | [`Checker`]: the thread, and what others may ask of it |
//! | `worker` | takes records and checks the batches among them |
//! | [`body`] | the check itself, which commands use too |
//! | [`trackers`] | which tracker wrote a session's batches, and the counts by tracker |
//! | [`findings`] | the counts, and their metrics |
//! | `options` | its settings, and those that change while it runs |
//! | `broken_list` | `broken.ndjson` |
//! | `budget` | the share of a processor |

pub mod body;
mod broken_list;
mod budget;
pub mod findings;
mod options;
mod thread;
pub mod trackers;
mod worker;

pub use body::{BodyFault, BodyFaultKind, BodyReader};
pub use findings::Findings;
pub use options::Options;
pub use thread::{Checker, EarlierStarts};
pub use trackers::version_of;
