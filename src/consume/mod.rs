//! Following the log: the one loop between the merge of all cores' records and whoever consumes them.
//!
//! A consumer brings a name, settings ([`Consumer`]) and a [`Handler`]. [`follow()`] runs on the consumer's own thread and does the rest: it finds out where to begin,
//! reads, hands over batches, backs off when something fails, keeps the cursor, and ends promptly when the [`Handle`] says so.
//!
//! **Where it begins.** At the kept cursor. Without one, at the end of the log that the settings name. A consumer that holds segments back is registered before its
//! first record; if its cursor can't be believed, it waits for an operator, because every other place might skip records. One that does not hold begins anew instead,
//! and replaces the cursor.
//!
//! **Batches.** A [`Batch`] lends records out of the reader's buffers, one at a time, until it reaches its bound of bytes or time, the end of the log, or a stop. Nothing is
//! copied: a handler that sends records elsewhere builds its messages from the borrowed bytes and hands those on. A handler need not empty a batch: what it leaves comes
//! with the next one.
//!
//! **When a position counts as passed** is the handler's decision. Usually it is when [`Handler::take`] returns. A handler whose records are confirmed later (a commit, a
//! broker's acknowledgement, a renamed file) asks the batch for a [`Receipt`], sends it along with the messages, and confirms it from any thread, in any order. The cursor
//! stays before the first batch that is not confirmed. A receipt that is dropped unconfirmed gives its batch back: it is delivered again, with all that came after it, so that the order holds.
//!
//! **What is repeated.** After a crash, what came after the last kept cursor. After a failure, from the first batch that is not confirmed. Nothing is left out, but what was
//! deleted ([`Batch::skipped`]) and what the handler asks to skip ([`Step::SkipToEnd`]).
//!
//! **Lag** ([`Handle::lag`]) is measured when somebody asks, from the log's files, so that it is right even while a handler hangs.
//!
//! | file | |
//! |---|---|
//! | [`follow`](mod@follow) | the loop |
//! | [`consumer`] | a consumer's settings |
//! | [`handler`] | what a consumer implements |
//! | [`batch`] | what it is given |
//! | [`confirm`] | receipts, and how far everything is confirmed |
//! | [`handle`] | stop and lag, for other threads |
//! | [`lag`] | how lag is measured |
//! | `source` | where records come from: only this file knows that it is the disk |
//! | `kept` | the durable cursor |
//! | `backoff` | pauses that grow |

mod backoff;
pub mod batch;
pub mod confirm;
pub mod consumer;
pub mod follow;
pub mod handle;
pub mod handler;
mod kept;
pub mod lag;
mod source;

pub use batch::Batch;
pub use confirm::Receipt;
pub use consumer::{BatchBounds, Consumer};
pub use follow::follow;
pub use handle::Handle;
pub use handler::{Failure, Handler, Step};
pub use lag::Lag;
