//! Connections: accepting them, their state, receiving and sending, deadlines, moving to another core.

pub mod accept;
pub mod connection;
pub mod evict;
pub mod listen;
pub mod migration;
pub mod sweep;
