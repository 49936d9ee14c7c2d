//! Checks batches behind the log, where no client waits.
//!
//! Refusing a malformed batch would end its session, and sending it again would not repair it. But a malformed batch truncates its session in
//! OpenReplay, so operators should know about it.
//!
//! The checker is a consumer of the log that does not hold segments back. It checks each batch's coding and structure, counts broken ones by
//! kind, project and tracker, and lists them in `broken.ndjson` in the data folder. It uses at most a configured share of one processor; when
//! it falls far behind, it skips to the end of the log and counts that too.
//!
//! | file | |
//! |---|---|
//! | `thread` | [`Checker`]: the thread, and what others may ask of it |
//! | `worker` | what runs on it: takes records and checks the batches among them |
//! | [`body`] | the check itself, which commands use too |
//! | [`trackers`] | which tracker version a session's batches come from, and the counts by version |
//! | [`findings`] | the counts, and their metrics |
//! | `options` | its settings, some of which can change while it runs |
//! | `broken_list` | `broken.ndjson` |

pub mod body;
pub mod broken_list;
pub mod findings;
mod options;
mod thread;
pub mod trackers;
mod worker;

pub use body::{BodyFault, BodyFaultKind, BodyReader};
pub use findings::Findings;
pub use options::CheckerOptions;
pub use thread::{Checker, EarlierStarts};
pub use trackers::version_of;
