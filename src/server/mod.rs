//! The cores: one pinned thread each, with its own ring, listener, connections and log.
//!
//! | folder | holds | acts on |
//! |---|---|---|
//! | [`core`] | the state of a core: its connections, what waits and for what, settings, clocks | |
//! | [`memory`], [`admission`] | request buffers within a budget, shares of it; token buckets for limits | |
//! | [`store`] | appends records and waits until they are safe; writes groups on the ring; charges memory | core |
//! | [`io`] | the bytes of one connection: transport, heads, bodies, answers, PROXY header | core, store |
//! | [`request`] | one request: context, token, limits, outcome, answer | io |
//! | [`ingest`] | the routes whose bodies become records | request |
//! | [`dispatch`] | from a head to its handler | ingest |
//! | [`conn`] | accepting, the loop of a connection, deadlines, evictions, moving to another core | dispatch |
//! | [`thread`] | a core's thread: starts the tasks, drains at the end | conn |
//!
//! Imports go up this table only.
//!
//! # The way of a batch
//!
//! 1. `conn::accept::run` accepts; `start_connection` makes the connection's state and spawns `conn::connection::serve`, whose loop goes once around for each
//!    request.
//! 2. `ClientIo::receive_head` fills a buffer of the pool until a whole head stands in it.
//! 3. `dispatch::serve` makes the request's `Context`. `judge` decodes the path, finds the route and reads the token (`request::token::admit`).
//!    `request::gate::at_head` asks the limits.
//! 4. `ingest::batch::take` reads the body (`Context::read_body`), has the route read what stands around it, looks inside where that is needed
//!    (`ingest::inflate::inspect`) and has it judged.
//! 5. `store::commit::store` appends the record (`log::Writer::append`) and waits. While the log has no room it waits too, within the request's
//!    patience.
//! 6. At the end of the turn the commit task (`store::commit::run`) closes the group. It is written by `store::ring_writes::run` on the core's ring or by
//!    the log's own thread, and `Waiters::settle` wakes every request whose record is safe now. A record that went down with its segment is appended
//!    again.
//! 7. The handler returns its `Outcome`; `Context::answer` (in `request::respond`) writes the answer, sends it, logs and counts it, and says what becomes of the connection.
//!
//! No function is entered twice on this way but the loop. A request is judged again from its head when its session has just been read from the log
//! (`request::logged_sessions`), when a large answer had to wait for memory, and on the core that it moves to.
//!
//! Cores share nothing mutable on this way: a new session is told by message, and a new directory, or a change of the settings, is swapped in as a whole.

pub mod admission;
pub mod conn;
pub mod core;
pub mod dispatch;
pub mod ingest;
pub mod io;
pub mod memory;
pub mod request;
pub mod store;
pub mod thread;

pub use thread::{Seat, spawn};
