//! Sealed segments in an object store: the courier that copies them there, and how a log is made of them again.
//!
//! **Names.** `<prefix>/<log>/<core>/<segment>-<BLAKE3>.seg`, and its sidecar `….json`. A name says what the content is: the same name is
//! always the same content, so that an upload that was repeated changes nothing, and whoever reads an object can check it. The sidecar is
//! written first: a segment that is there has one.
//!
//! **Whole or not at all.** An object gets its name when all its bytes are there: small ones by one request, larger ones as a multipart upload
//! (in a folder: a file of another name, synced and renamed). A multipart upload that a crash left is dropped at the next start; its id is kept
//! on disk (`unfinished`).
//!
//! **What is checked.** While a segment is read for its upload, its hash is compared with that in its sidecar; one that differs does not get
//! its name. S3 checks each part by the SHA-256 that its signature covers. Afterwards the store is asked for the length; where it checks
//! nothing by itself (Google, Azure, a folder), the object is read back and hashed.
//!
//! **Faults of the store** are waited out for ever; an upload goes on with the part at which it failed.
//!
//! **Memory.** Two parts of 8 MiB, and a sidecar.
//!
//! | file | holds |
//! |---|---|
//! | `access` | which store, and the credentials |
//! | `store` | what is asked of a store; `cloud`, `folder`: its two kinds |
//! | `refusal`, `fault` | what a store refuses, and what kind of trouble that is |
//! | `object_name` | the names of objects |
//! | `follower` | the courier's thread |
//! | `sealed`, `upload`, `unfinished` | a segment, its upload, and the one that is under way |
//! | `restore`, `listing` | makes a log of what is there, and lists it; `catalog`: what is there; `patience`: a store for commands |

mod access;
mod catalog;
mod cloud;
mod fault;
mod folder;
mod follower;
mod listing;
mod object_name;
mod patience;
mod refusal;
mod restore;
mod sealed;
mod store;
mod unfinished;
mod upload;

use std::io;

use crate::courier::running::{Courier, CourierOptions};
use crate::courier::runtime::SideRuntime;
use crate::telemetry::Logger;

pub use access::StoreAccess;
pub use listing::{StoredCore, list};
pub use restore::{DamagedObject, RestoreError, RestoreEvent, RestoreOptions, RestoreReport, restore};

use follower::SegmentFollower;
use store::Store;

/// The courier's name.
pub const COURIER: &str = "courier-segments";

/// A courier that has not been started.
#[derive(Debug)]
pub struct SegmentsCourier {
    store: Store,
}

impl SegmentsCourier {
    /// Prepares it. Nothing is sent.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub fn new(access: &StoreAccess) -> Result<Self, String> {
        Store::open(access).map(|store| Self { store })
    }

    /// Starts it. Nothing is required of the store: it may be missing for now.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(self, options: CourierOptions, runtime: &SideRuntime, logger: &Logger) -> io::Result<Courier> {
        let run = move |seat| SegmentFollower::new(seat, self.store).run();
        Courier::spawn_follower(options, runtime, logger, run)
    }
}

/// Runs a command's work, which waits for a store, on this thread.
fn block_on<T>(work: impl Future<Output = Result<T, RestoreError>>) -> Result<T, RestoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| RestoreError::Refused(format!("no connection can be waited for: {error}")))?;
    runtime.block_on(work)
}
