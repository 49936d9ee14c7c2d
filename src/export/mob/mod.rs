//! A session as the files that OpenReplay's own player takes.
//!
//! Two releases write them differently:
//!
//! | | 2024-03 | 2026-07 |
//! |---|---|---|
//! | order | by time, then by index; an index once | as received |
//! | a file's beginning | 8 × `ff` | 7 × `ff`, then `ff` before messages, `fe` before batches |
//! | a message | type, fields | `ff`: its index (8 bytes, little-endian), type, fields. `fe`: as in a batch |
//! | `dom.mobe` | what is beyond the first 1,000,000 bytes | batches of more than 15 s after the session's start |
//!
//! | file | |
//! |---|---|
//! | `release` | the releases, and which messages the player of each takes |
//! | `spool` | a file's bytes, before they are compressed |
//! | `sorted` | the files of 2024-03 |
//! | `received` | the files of 2026-07 |

mod received;
mod release;
mod sorted;
mod spool;

pub use received::Received;
pub use release::{Release, Taken};
pub use sorted::{Sorted, Unfit};
pub use spool::Spool;

/// What is not in the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Batches that can't be read to their end: OpenReplay's services drop these as a whole.
    pub broken: u64,
    /// Messages that the player of the release does not know, or that do not fit their fields.
    pub foreign: u64,
}
