//! What happened in a session, read from its batches: pages, clicks, requests, errors and the like, one [`Event`] each.
//!
//! [`EventDecoder::decode`] reads one record and calls a function for each event, so a batch of any size is never held as events. It depends on
//! nothing but the record. Begin with `messages`: the table of which message is which kind of event, and of which field goes where.
//!
//! | file | holds |
//! |---|---|
//! | `event` | [`Event`], and the kinds of events |
//! | `mapping` | the form of the table's lines |
//! | `messages` | the table, for browsers and for phones |
//! | `layout` | the table applied to the fields of a message |
//! | `decoder` | [`EventDecoder`]: a record's events |
//! | `batch` | the events of one batch of messages |
//! | `sdk` | the events of the analytics SDK, which are JSON |
//! | `details` | the fields without a column, as one JSON object |
//! | `text` | texts of clients, cut to a length and made UTF-8 |
//! | `client_time` | the clients' times |
//!
//! # Rules
//!
//! - A batch is read up to its first fault. What comes before it is given out; the fault is returned.
//! - An event's time is that of its message, as `takeup events` shows it. Times that a message itself holds are in its details.
//! - What a user typed is given out only if the tracker says that it is not masked.
//! - No text is longer than [`TEXT_BYTES_MAX`]; [`Event::cut`] says that one was. An empty text is `None`.

mod batch;
mod client_time;
#[cfg(test)]
mod crafted;
mod decoder;
mod details;
mod event;
mod layout;
mod mapping;
mod messages;
mod sdk;
mod text;

pub use client_time::client_time_us;
pub use decoder::{DecodeFault, Decoded, EventDecoder};
pub use event::{Event, EventKind};
pub use text::TEXT_BYTES_MAX;
