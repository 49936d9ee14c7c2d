//! What OpenReplay's trackers send: the binary message catalogue and the reader of batches. A leaf: bytes in,
//! messages out; nothing here knows of HTTP, sessions or the log.
//!
//! # The format
//!
//! | type | encoding |
//! |---|---|
//! | uint | LEB128: 7 bits a byte, low group first, at most 10 bytes, the tenth 0 or 1 |
//! | int | zigzag, then uint |
//! | string | uint length, then that many bytes; at most 10,000,000 |
//! | boolean | one byte; 1 is true, anything else false |
//!
//! A *message* is its id (uint) and its fields in the order of the catalogue. A *batch* is a metadata message and
//! what follows it:
//!
//! - `BatchMetadata` (81: version, page, first index, time, location) comes first and once, never with a size. Under
//!   versions 1 to 5 every other message is `id, size (3 bytes, little-endian), body`. Any other version means
//!   that nothing carries a size.
//! - `BatchMeta` (80) is its forerunner in old batches: no version, no sizes.
//! - `MobileBatchMeta` (107) begins a batch of the mobile trackers: no sizes; each message carries its time
//!   and the length of its remaining fields itself.
//! - A record without metadata (`SessionStart`, `SessionEnd`) is read like version 0.
//!
//! The metadata's index is `page << 32 | first index`; each following message has the next one. A message's time is
//! that of the last `Timestamp` (0) or of the metadata. The first upload of trackers from 18.2 is two whole
//! batches in one body (`visual`); a number beside the body, the *split*, is the length of the first.
//!
//! Two ids changed meaning over the years (3 and 48), and two metadata-like ids (80, 82) lost their exemption from
//! sizes: [`Era`] tells the two generations apart, by the version of the tracker.
//!
//! # Rules that the readers here keep
//!
//! - No input panics, and nothing is allocated by a claimed size: messages borrow from the batch.
//! - What has a size is skipped by it: an unknown id, or a body that does not fit its fields, costs that message only
//!   and is shown as what it is. Where nothing has a size, the first unknown id ends the batch with a fault.
//! - A fault names its kind and the offset in the batch. OpenReplay's own services drop a batch with a size that
//!   overruns *as a whole*; readers here yield what stands before the fault, then the fault, and leave the verdict to the caller.

mod batch;
mod catalogue;
mod check;
mod encode;
mod fault;
pub mod ids;
mod primitive;
mod render;
mod seam;

#[cfg(test)]
mod tests;

pub use batch::{BatchReader, Body, Fields, Message, Meta, read_batch, split_parts};
pub use catalogue::{Era, FieldKind, FieldSpec, MessageSpec, Pipeline, UNKNOWN, message_spec};
pub use check::{BatchFacts, Checker, check};
pub use encode::{write_int, write_string, write_uint};
pub use fault::{BatchFault, FaultKind};
pub use primitive::{STRING_BYTES_MAX, Value};
pub use seam::{Seam, SeamFinder};
