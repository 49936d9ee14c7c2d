//! Writing a log without a server: records with the times that they are given, one after the other, into sealed segments of one core.
//!
//! The log is a new one, with a UUID of its own, and so the records have new ids. It is written without pads, like what `takeup salvage` has no
//! place for. Until it is sealed, the last segment is an `.open` file, which every reader reads as far as its records vouch for it.
//!
//! A copy can be ended at any moment and gone on with at a place that was durable ([`CopyEnd`]): whatever was written behind it is removed.
//!
//! | file | holds |
//! |---|---|
//! | `create` | a log's folder, and which log it is |
//! | `writer` | [`LogCopy`] |

mod create;
mod writer;

pub(super) use create::create_log;
pub use writer::{CopyEnd, LogCopy};
