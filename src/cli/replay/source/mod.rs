//! Where a replay's records come from: logs and archives of one or many folders, read ahead on threads of their own, as one stream in a fixed
//! order.
//!
//! | file | holds |
//! |---|---|
//! | `place` | what a source's path turns out to be |
//! | `wanted` | which records are wanted |
//! | `counts` | how far reading is |
//! | `sink` | where a reading thread puts records |
//! | `read_log` | the records of a log |
//! | `read_archive`, `archive_files` | the records of an archive |
//! | `damage` | what was not whole |
//! | `means` | what reading shares among all sources |
//! | `feed` | one source's thread, and what it has read |
//! | `merged` | all sources as one |
//! | `session` | the records of one session in an archive |
//! | `users` | the sessions of a user |

#[cfg(feature = "archive")]
mod archive_files;
mod counts;
mod damage;
mod feed;
mod means;
mod merged;
mod place;
#[cfg(feature = "archive")]
mod read_archive;
mod read_log;
#[cfg(feature = "archive")]
mod session;
mod sink;
mod users;
mod wanted;

pub(super) use counts::ReadCounts;
pub(super) use damage::{Damaged, Findings};
pub(super) use means::Means;
pub(super) use merged::Merged;
pub(super) use place::{Origin, Source, is_url, origins};
#[cfg(feature = "archive")]
pub(in crate::cli) use session::session_of_archive;
pub(super) use users::sessions_of;
pub(super) use wanted::{Tables, Wanted};
