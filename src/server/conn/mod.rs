//! Connections: accepting them, their state, receiving and sending, deadlines, moving to another core.

pub mod accept;
pub mod connection;
pub mod evict;
pub mod io;
pub mod listen;
pub mod migration;
pub mod proxy_header;
pub mod state;
pub mod sweep;
pub(super) mod watch;
