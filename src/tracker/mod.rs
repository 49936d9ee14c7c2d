//! What OpenReplay's trackers send: the catalogue of binary messages, and the reader of batches. Bytes go in, messages come out; nothing here
//! knows about HTTP, sessions or the log.
//!
//! Begin with the format below, then with [`read_batch`], which reads a batch message by message, and [`check()`], which only checks it.
//!
//! | file | holds |
//! |---|---|
//! | `batch` | the reader of batches: messages one by one, borrowed from the batch |
//! | `check` | the check of a batch's structure, which runs while the batch is being inflated |
//! | `seam` | finds where the second of two batches in one body begins, from the structure alone |
//! | `catalogue` | every message's name and fields, from `messages.json` |
//! | `id_set` | sets of message ids |
//! | [`ids`] | the message ids that code refers to by name |
//! | `primitive`, `encode` | numbers and strings, read and written |
//! | `render` | a message as a line or as JSON |
//! | `fault` | what can be wrong with a batch |
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
//! A *message* is its id (uint) and its fields in the order of the catalogue. A *batch* is a metadata message and the messages after it:
//!
//! - `BatchMetadata` (81: version, page, first index, time, location) comes first, once, and never with a size. With versions 1 to 5, every
//!   other message is `id, size (3 bytes, little-endian), body`. With any other version, no message has a size.
//! - `BatchMeta` (80) is its predecessor in old batches: no version, no sizes.
//! - `MobileBatchMeta` (107) begins a batch of the mobile trackers: no sizes; each message holds its time and the length of its remaining
//!   fields.
//! - A record without metadata (`SessionStart`, `SessionEnd`) is read like version 0.
//!
//! The metadata's index is `page << 32 | first index`; each message after it has the next index. A message's time is that of the last
//! `Timestamp` (0) or of the metadata. The first upload of trackers from 18.2 on is two whole batches in one body (`visual`); the request
//! gives the length of the first, the *split*.
//!
//! Over the years, two ids (3 and 48) changed their meaning, and two others (80 and 82) gained a size. [`Era`] tells the two generations apart
//! by the tracker's version.
//!
//! # Rules for the readers here
//!
//! - No input causes a panic, and no claimed size causes an allocation: messages borrow from the batch.
//! - A message with a size can always be skipped: an unknown id, or a body that does not fit its fields, affects only that message, which is
//!   returned marked as such. If messages have no sizes, the first unknown id ends the batch with a fault.
//! - A fault has a kind and an offset in the batch. OpenReplay's own services drop a *whole* batch if a size overruns. Readers here return
//!   what comes before the fault, then the fault, and leave the decision to the caller.

mod batch;
mod catalogue;
mod check;
mod encode;
mod fault;
mod id_set;
pub mod ids;
mod primitive;
mod render;
mod seam;

#[cfg(test)]
pub(crate) mod captured;
#[cfg(test)]
mod tests;

pub use batch::{BatchReader, Body, Fields, Mark, Message, Meta, Outline, Place, read_batch, read_on, split_parts};
pub use catalogue::{Era, FieldKind, FieldSpec, MessageSpec, Pipeline, PlayerFile, UNKNOWN, message_spec};
pub use check::{BatchFacts, Checker, check};
pub use encode::{write_int, write_string, write_uint};
pub use fault::{BatchFault, FaultKind};
pub use id_set::IdSet;
pub use primitive::{STRING_BYTES_MAX, Value};
pub use seam::{Seam, SeamFinder};
