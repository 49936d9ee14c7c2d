//! Files that others write while a server reads them: what is taken over of them, and when.
//!
//! A file may be looked at in the middle of being written: emptied and not filled yet, cut after any byte, or whole and
//! about to be replaced. Many such texts are valid. So what a new text **adds** is taken over once the text is
//! still, and what it **takes away** only with more evidence:
//!
//! 1. [`Watched`] sees each change of the content, also one that leaves size and time of modification as they were.
//! 2. What the new text lacks of what is in force stays in force. [`Losses`] remembers since when it is lacking, and says when that
//!    is certain: for a grace time it was in none of the texts that were seen, and the file is at rest.
//! 3. A file that has become a fraction of itself has to stay so for ten times as long ([`needed`]).
//! 4. [`Kept`] is the last text that was whole for certain, beside the file, so that a start has something to compare with.
//!
//! All times are of the monotonic clock. A restart begins them anew.

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
