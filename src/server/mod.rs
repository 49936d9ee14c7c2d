//! The cores: one pinned thread each, with its own ring, listener, connections and log.
//!
//! | module | does |
//! |---|---|
//! | [`listen`] | opens the sockets |
//! | [`cpus`], [`limits`] | how many cores, on which processors; how many connections |
//! | [`runtime`] | chooses the driver |
//! | [`accept`] | takes connections, and at the end what still waits |
//! | [`evict`] | who has to go where connections are many |
//! | [`proxy_header`] | whom a proxy connects |
//! | [`connection`], [`io`] | receives and sends |
//! | [`exchange`], [`answer`] | one request and its answer |
//! | [`admission`], [`gate`] | who may go on, and how fast |
//! | [`start`], [`batch`], [`mobile`], [`images`], [`sdk`], [`forms`], [`recording`] | the routes that take a body |
//! | [`form`] | reads a form piece by piece |
//! | [`upload`] | where a recording may be put |
//! | [`handover`] | passes connections on from a core whose log takes nothing more |
//! | [`commit`] | appends, and wakes who waits for the disk |
//! | [`writes`] | writes groups on the core's ring, where the log is written directly |
//! | [`shares`], [`charge`] | fairness between projects; what a request holds beside its buffers |
//! | [`look`], [`turns`] | inflating before the answer, and who does so when |
//! | [`sweep`], [`notices`], [`sparse`] | deadlines; what the log has to say; lines said now and then |
//! | [`core`], [`conn`], [`pool`], [`sessions`] | what a core holds |
//! | [`known`] | what the log knew of sessions before the start |
//! | [`beat`], [`clock`] | whether the cores turn; the time in which they did |
//! | [`labels`] | bodies whose label is not what they are |
//! | [`live`] | the settings that a running server takes over |
//!
//! Cores share nothing mutable on the request path: a new session is told by message, and a new
//! directory, or a change of the settings, is swapped in as a whole.

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
