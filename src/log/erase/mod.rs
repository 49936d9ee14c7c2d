//! Erasing records from a log: the only way in which a sealed segment changes.
//!
//! A segment with records to erase is copied. In the copy each of them is a tombstone: a record of the same length, with the same offset, id,
//! order time and project, without a session, and with zeros for all that followed its header. Everything else is copied byte for byte. The copy
//! is checked against the original and then takes its place as a whole:
//!
//! 1. the copy, `<id>.seg.tmp`, is written, synced and read back;
//! 2. the sidecar is replaced by that of the copy, which also has the hash of the file that is still there;
//! 3. the copy takes the segment's name.
//!
//! After a crash between the last two the sidecar is the new one and the file the old one. The sidecar names the hash of both, so this is no
//! damage. Every record is where it was, and a second erasure begins with that file anew. A `.tmp` file that a crash left is removed by the next
//! erasure, or the next start.
//!
//! The last two steps are taken under the lock of the cursors, as a deletion is: what is deleted meanwhile does not come back.
//!
//! Only sealed segments are erased from. Without a server, what was left open is sealed first; a server is asked to seal
//! ([`Log::seal_all`](crate::log::Log::seal_all)). A reader that has the replaced file open finds that it has lost its name, and goes on in the
//! new one at the same offset.
//!
//! Damage is neither hidden nor mended: what can't be attributed to a record stays as it is, and is told. A record whose header is intact and
//! whose payload is not is erased like any other.
//!
//! | file | |
//! |---|---|
//! | `hold` | keeps servers from a log, or finds that one runs |
//! | `pieces` | a segment as records and damaged stretches, without gaps |
//! | `rewrite` | finds what is to be erased, writes the copy, checks it |
//! | `copied` | a copy that was checked |
//! | `replace` | puts the copy in the place of the segment |
//! | `leftovers` | what crashes and deletions left in the folders |
//! | `quarantine` | records in files that recovery set aside |

mod copied;
mod hold;
mod leftovers;
mod pieces;
mod quarantine;
mod replace;
mod rewrite;

pub use hold::{AloneHold, Hold, hold};
pub use leftovers::{Leftover, remove_leftovers};
pub use quarantine::{AsideFile, erase_aside};
pub use rewrite::{Erasing, Found, SegmentErasure, erase_segment};
