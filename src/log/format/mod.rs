//! What is on disk, byte by byte, and what the control pages promise between threads and processes.

pub mod control;
pub mod header;
pub mod identity;
pub mod ledger;
pub mod position;
pub(super) mod protocol;
pub mod record;
pub mod sidecar;
