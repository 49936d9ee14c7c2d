//! Records on their way into the log.
//!
//! | file | does |
//! |---|---|
//! | [`commit`] | appends records, waits until they are safe, and tells those who wait what has become of them |
//! | [`ring_writes`] | writes groups on the core's ring, where the log is written directly |
//! | [`charge`] | memory that a request holds beside its buffers |

pub mod charge;
pub mod commit;
pub mod ring_writes;
