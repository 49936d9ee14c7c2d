//! Sealed segments in an object store: the courier that copies them there, and how a log is made of them again.
//!
//! **Names.** `<prefix>/<log>/<core>/<segment>-<BLAKE3>.seg`, and its sidecar `….json`. A name says what the content is: the same name is
//! always the same content, so that an upload that was repeated changes nothing, and whoever reads an object can check it. The sidecar is
//! written first: a segment that is there has one.
//!
//! **Whole or not at all.** An object gets its name when all its bytes are there: small ones by one request, larger ones as a multipart upload
//! (in a folder: a file of another name, synced and renamed). A multipart upload that a crash left is dropped at the next start; its id is kept
//! on disk.
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
//! | `object_name` | the names of objects |
//! | `courier`, `follower` | the courier, and its thread; `upload_file`: its note of the upload under way |
//! | `deleted` | segments that were deleted before they were in the store |
//! | `sealed` | a segment, read for its upload |
//! | `restore`, `listing` | makes a log of what is there, and lists it; `catalog`: what is there |
//! | `parts` | reads an object part by part |
//! | `copies`, `segment_copy`, `copy_fault` | the copies one by one, for erasing from them |
//! | `new_folder`, `restore_error` | where a restore writes, and why it ended |

mod catalog;
mod copies;
mod copy_fault;
mod courier;
mod deleted;
mod follower;
mod listing;
mod new_folder;
mod object_name;
mod parts;
mod restore;
mod restore_error;
mod sealed;
mod segment_copy;
mod upload_file;

pub use copies::Copies;
pub use copy_fault::CopyFault;
pub use courier::{COURIER, SegmentsCourier};
pub use listing::{StoredCore, list};
pub use restore::{DamagedObject, RestoreEvent, RestoreOptions, RestoreReport, restore};
pub use restore_error::RestoreError;
pub use segment_copy::SegmentCopy;
