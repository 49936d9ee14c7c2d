//! The write path: from an append to a durable, sealed segment.

pub(super) mod carry;
pub(super) mod fault;
pub(super) mod group_write;
pub(super) mod invariant;
pub(super) mod keeper;
pub(super) mod notice;
pub(super) mod prepare;
pub mod seal;
pub(super) mod segment;
pub(super) mod shared;
pub(super) mod syncer;
pub(super) mod wake;
pub(super) mod watch;
pub mod writer;
