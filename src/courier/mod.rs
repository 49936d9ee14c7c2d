//! Couriers: what hands the log's records on to Postgres, Redis, Kafka, an object store, another takeup or a file.
//!
//! A courier is a named consumer of the log ([`crate::consume`]) that holds segments back until their records are delivered. It has a thread
//! that reads the log and builds what the destination takes (a [`Packer`]), and a task on the side runtime that ships it (a [`Destination`]);
//! between them is a channel with room for one shipment. The cursor moves only behind what the destination has confirmed, so every record
//! arrives at least once, and in the log's order. No core waits for any of this.
//!
//! **Faults.** The fault of a destination is told from the fault of a record by codes ([`Blame`]). The first is waited out for as long as it
//! lasts, with pauses that grow to ten seconds; everything behind it waits too. The second is found by trying records one by one; what is
//! refused alone becomes a dead letter ([`DeadLetters`]), and the rest goes on. A destination need not be there at the start, nor be complete.
//!
//! **Loss.** A destination that can lose what it has confirmed (a Redis that comes back empty or older) is asked after each connection whether
//! it still holds it ([`Destination::still_has`]). If not, the courier goes back to the newest checkpoint that it does hold.
//!
//! **Order.** A courier for queues follows that for rows ([`CourierOptions::behind`]): a session's row is committed before its first record is
//! shipped.
//!
//! **Memory.** A courier holds at most three shipments: one being built, one waiting, one being shipped. Each is bounded in bytes and records
//! ([`ShipmentBounds`]), plus the last record, whose size the limits on requests bound.
//!
//! | file | holds |
//! |---|---|
//! | `running` | [`Courier`]: thread and task, and what others may ask |
//! | `destination` | what a kind of destination implements |
//! | `shipment` | items, and the records that they were made from |
//! | `reading` | builds shipments on the reading thread |
//! | `shipping` | ships them, for as long as it takes |
//! | `history` | checkpoints, for destinations that can lose what they have confirmed |
//! | `status`, `cause`, `report` | the state of a destination, the kinds of trouble, and how changes are told |
//! | `backoff` | pauses between attempts |
//! | `dead_letters`, `dead_letter`, `stored_record` | what can't be delivered |
//! | `tries` | which items of a shipment are tried next, after what was refused |
//! | `sender` | sends a dead letter again, outside of a running courier |
//! | `bulk_sender` | sends many records, outside of a running courier |
//! | `calls` | how these two call a destination |
//! | `runtime` | the thread on which tasks run |
//! | [`mod@file`] | records as NDJSON in files |
//! | [`http`] | records to another takeup |
//! | [`queue`] | what goes to Redis and Kafka, and the names of topics |
//! | [`rows`] | rows for OpenReplay's Postgres |
//! | `kafka` | Kafka, with the feature `kafka` |
//! | `segments` | the courier that copies sealed segments to an object store, and how they are restored |
//! | `stores` | object stores, for that courier and for the archive |
//! | `tls` | the cryptography of TLS |
//! | [`messages`], `cut` | the messages for the queues of OpenReplay's services |

pub mod backoff;
mod bulk_sender;
mod calls;
mod cause;
mod cut;
mod dead_letter;
mod dead_letters;
mod destination;
pub mod file;
mod history;
pub mod http;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod messages;
pub mod queue;
mod reading;
pub mod redis;
mod report;
pub mod rows;
mod running;
mod runtime;
#[cfg(feature = "object-store")]
pub mod segments;
mod sender;
mod shipment;
mod shipping;
mod status;
mod stored_record;
#[cfg(feature = "object-store")]
pub mod stores;
#[cfg(feature = "object-store")]
mod tls;
mod tries;

pub use bulk_sender::{BulkSender, GaveUp, Told};
pub use cause::{Cause, Trouble};
pub use dead_letter::DeadLetter;
pub use dead_letters::{DIR_NAME as DEAD_LETTERS_DIR_NAME, DeadLetters, Edit};
pub use destination::{Blame, Destination, Packer, ShipError};
pub use report::Report;
pub use running::{Courier, CourierOptions, FollowerSeat, forget_history, goes_on_at};
pub use runtime::SideRuntime;
pub use sender::{Sender, Sent};
pub use shipment::{Shipment, ShipmentBounds};
pub use status::{Change, Counts, DestinationState, Status, Waiting};
pub use stored_record::StoredRecord;
