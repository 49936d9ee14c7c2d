//! Consumers and their durable cursors: who reads the log, and how far each has read. The deleter relies on them.
//!
//! A cursor is the file `cursors/<name>.json` beside the log's folder. It says which log it belongs to, the place in each core's log of the next
//! record, and whether the consumer *holds*: segments that a holding consumer has not passed are kept for it. A consumer that does not hold (the checker)
//! takes what is there. The file is the registration: a consumer exists if and only if its file does.
//!
//! The file is replaced as a whole and synced, so that a crash leaves the old one or the new one. It carries a checksum, and is accepted only
//! if it is, byte for byte, what would be written for its contents. One that is not, or that belongs to another log or a newer version, is never
//! taken for a place: reading it is an error, and until somebody decides, it counts as holding everything.
//!
//! Whoever changes a cursor, or decides by it, holds the lock of the cursors: `flock` on the log's folder. So a consumer that was removed is not
//! brought back by its own next [`keep`](Cursors::keep), and no segment goes while its consumer is being registered.
//!
//! | file | |
//! |---|---|
//! | [`registry`] | [`Cursors`]: registers, reads, keeps, lists and removes them, under their lock |
//! | [`mod@file`] | [`Cursor`] and the text of its file |
//! | [`name`] | [`ConsumerName`] |
//! | [`position`] | what a position has passed and what it has not; the positions at both ends of a log |
//!
//! How a consumer follows the log from its cursor is in [`crate::consume`].

pub mod file;
pub mod name;
pub mod position;
pub mod registry;

pub use file::{Cursor, VERSION};
pub use name::{ConsumerName, NAME_BYTES_MAX};
pub use position::{From, position_at};
pub use registry::{CONSUMERS_MAX, CURSORS_DIR_NAME, Cursors, Listed};
