//! Records on their way into the log, and the memory that requests hold meanwhile.

pub mod charge;
pub mod commit;
pub mod ring_writes;
