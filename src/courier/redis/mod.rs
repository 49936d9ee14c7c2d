//! Redis Streams: what OpenReplay's services read in its free edition.
//!
//! One `XADD <topic> * sessionID <decimal> value <bytes>` for each message. The messages of a topic go in one transaction, because Redis refuses
//! commands one by one when its memory is full: a later message of a session must not be stored when an earlier one was refused.
//!
//! | file | holds |
//! |---|---|
//! | [`address`] | `REDIS_STRING` and what goes with it: one server, a Sentinel group or a cluster |
//! | `connection` | a connection to any of them |
//! | [`destination`] | ships messages |
//! | `stream`, `groups`, `entry_id` | what is known of a stream: its entries, its readers, and whether it is still the same |
//! | `fault` | which trouble an error stands for |

pub mod address;
mod connection;
pub mod destination;
mod entry_id;
mod fault;
mod groups;
mod stream;

pub use address::{RedisAddress, RedisMode};
pub use destination::{OpenReplayTrim, RedisDestination, RedisTrim, SafeTrim};
pub use groups::IgnoredGroups;
