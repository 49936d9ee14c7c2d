//! Erasing what is stored of a session, a user or a project, everywhere under a data folder, with a receipt.
//!
//! **What is erased.** Records, by session and project. The sessions of a user are found first ([`search`]): in starts and in decoded batches, of the log and of
//! the archive. From then on only session ids count.
//!
//! **In which order.** The targets are noted on disk ([`pending`]) before anything is changed: once a user's start is erased, nothing else would tell
//! whose the rest is. Then the log, what recovery set aside, dead letters, lists of broken batches, kept assets of projects, the archive, the object store. Each step can be
//! repeated, so a run that was cut off is finished by the next one, which finds the note. At the end the note is removed.
//!
//! **Beside a server.** The server seals its open segments, so that all that was received so far is in sealed ones, and, once these have been
//! replaced, makes those who read the log forget what they had read ([`Server`]). It goes on in new segments: what a session sends during or after the
//! run is not erased by it. The receipt names the sessions that were active a short time before.
//!
//! **What can't be reached** is named in the receipt: damaged places that can't be attributed, files that can't be read, destinations that have been told.
//!
//! | file | |
//! |---|---|
//! | [`targets`] | what is erased |
//! | [`search`] | finds a user's or project's sessions in the log |
//! | [`pending`] | what is being erased, on disk, and the lock |
//! | [`server`] | what a running server is asked for |
//! | [`log_part`] | the log and its quarantine |
//! | [`lists`] | dead letters and broken batches |
//! | `assets_part` | what is kept of the sites of projects |
//! | [`looked`] | what was found of the log's segments |
//! | `archive_search` | finds them in the archive, by its records |
//! | `archive_part` | the archive |
//! | `archive_copy_part` | the archive's copy in an object store |
//! | `copies_part` | copies of segments in an object store |
//! | [`stores`] | which stores there are |
//! | [`told`] | which destinations have been told |
//! | [`receipt`] | what was done |
//! | [`run`] | all of it, in order |

#[cfg(all(feature = "archive", feature = "object-store"))]
mod archive_copy_part;
#[cfg(feature = "archive")]
mod archive_part;
#[cfg(feature = "archive")]
mod archive_search;
mod assets_part;
#[cfg(feature = "object-store")]
mod copies_part;
pub mod error;
pub mod lists;
pub mod log_part;
pub mod looked;
mod mentions;
pub mod pending;
pub mod receipt;
pub mod run;
pub mod search;
pub mod server;
pub mod stores;
pub mod targets;
pub mod told;

pub use error::EraseError;
pub use receipt::Receipt;
pub use run::{Request, Stage, erase};
pub use server::Server;
pub use stores::Stores;
