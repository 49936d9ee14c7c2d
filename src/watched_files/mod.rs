//! Files that others write while a server reads them: what of a change is taken over, and when.
//!
//! A file may be read in the middle of being written: emptied and not yet filled, cut after any byte, or whole and about to be replaced.
//! Many such texts are valid. So what a new text **adds** is taken over once the text has stopped changing, and what it **takes away** only
//! on stronger evidence:
//!
//! 1. [`Watched`] sees each change of the content, even one that leaves size and modification time unchanged.
//! 2. What the new text lacks stays in force. [`Losses`] remembers how long it has been missing, and says when its removal is certain: it
//!    was in none of the texts seen during a grace time, and the file is at rest.
//! 3. A file that has shrunk to a fraction of itself has to stay so for ten times as long ([`needed`]).
//! 4. [`Kept`] is a separate copy of the last text that was certainly whole, for a start to compare with.
//!
//! All times are on the monotonic clock and start again after a restart.

mod kept;
mod losses;
mod open;
mod watched;

#[cfg(test)]
mod tests;

pub use kept::{KEPT_FOLDER, Kept};
pub use losses::{Losses, REST_MAX, needed};
pub use open::{open, read};
pub use watched::{Stamp, Watched, at_rest, is_ended, leave, read_at_rest};
