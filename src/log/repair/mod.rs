//! Recovery at the start, verification, salvage, and restoring.
//!
//! | file | |
//! |---|---|
//! | `recovery` | at each start: every segment that was left open is sealed (`settle`) or set aside (`quarantine`) |
//! | `verify` | `takeup verify`: every checksum and hash of a log |
//! | `salvage` | `takeup salvage`: every intact record of damaged files or a raw disk, into a new log |
//! | `rebuild` | a log's folder made again of sealed segments that come from elsewhere |

pub mod rebuild;
pub mod recovery;
pub mod salvage;
pub mod verify;
