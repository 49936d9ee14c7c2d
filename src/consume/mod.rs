//! Following the log: the one loop that delivers the merged records of all cores to a consumer.
//!
//! A consumer consists of a name, settings ([`Consumer`]) and a [`Handler`]. [`follow()`] runs on the consumer's own thread and does the rest:
//! it finds the position to begin at, reads, hands over batches, backs off after failures, saves the cursor, and ends promptly when its
//! [`Handle`] is stopped.
//!
//! **Where it begins.** At the saved cursor. Without one, at the oldest or the newest end of the log, as the settings say. A consumer that
//! holds segments back is registered before its first record; if its cursor cannot be trusted, it waits for an operator, because any other
//! position might skip records. A consumer that does not hold segments back starts over instead, and replaces the cursor.
//!
//! **Batches.** A [`Batch`] lends records from the reader's buffers, one at a time, until it reaches its limit in bytes or time, the end of
//! the log, or a stop. Nothing is copied: a handler that sends records elsewhere builds its messages from the borrowed bytes. A handler need
//! not empty a batch; what it leaves comes with the next one.
//!
//! **When a position counts as passed.** Normally when [`Handler::take`] returns. A handler whose records are confirmed later (by a commit, a
//! broker's acknowledgement, a renamed file) asks the batch for a [`Receipt`], keeps it with the messages, and confirms it from any thread, in
//! any order. The cursor stays before the first unconfirmed batch. If a receipt is dropped unconfirmed, its batch is delivered again, together
//! with everything after it, so that the order is kept.
//!
//! **One behind another.** A consumer can follow another one ([`Consumer::behind`]): it is given only what the first has confirmed, however
//! far the log goes on.
//!
//! **What is repeated.** After a crash, everything after the last saved cursor. After a failure, everything from the first unconfirmed batch
//! on. Nothing is skipped except what was deleted ([`Batch::skipped`]) and what the handler chooses to skip ([`AfterBatch::SkipToEnd`]).
//!
//! **An example** is the checker: `checker/worker.rs` is its handler, `checker/thread.rs` its thread. `node/start.rs` starts it, and `node/shutdown.rs`
//! stops it. It confirms at once and holds nothing back; a consumer that ships records sets `holds` and keeps receipts. What a record is comes from
//! [`crate::records::Content`].
//!
//! **Lag** ([`Handle::lag`]) is measured on request, from the log's files, so it is right even while a handler hangs.
//!
//! | file | |
//! |---|---|
//! | [`follow`](mod@follow) | the loop |
//! | [`consumer`] | a consumer's settings |
//! | [`handler`] | what a consumer implements |
//! | [`batch`] | the records that it is given |
//! | [`confirm`] | receipts, and the position up to which everything is confirmed |
//! | [`handle`] | stop and lag, for other threads |
//! | [`lag`] | how lag is measured |
//! | `source` | where records come from: only this file knows that it is memory or the disk |
//! | `kept` | the durable cursor |
//! | `mark` | a position, with the time that it stands for |
//! | `backoff` | exponential back-off |

mod backoff;
pub mod batch;
pub mod confirm;
pub mod consumer;
pub mod follow;
pub mod handle;
pub mod handler;
mod kept;
pub mod lag;
mod mark;
mod source;

pub use batch::Batch;
pub use confirm::Receipt;
pub use consumer::{BatchBounds, Consumer};
pub use follow::follow;
pub use handle::Handle;
pub use handler::{AfterBatch, Failure, Handler};
pub use kept::{register, saved};
pub use lag::Lag;
