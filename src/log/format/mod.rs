//! What is on disk, byte by byte, and what the control pages promise between threads and processes. The layouts are in the header of [`crate::log`].
//!
//! | file | |
//! |---|---|
//! | `record` | a record: its 64-byte header, extension, codes and name |
//! | `header` | a segment's first page |
//! | `sidecar` | what is in a sealed segment |
//! | `control`, `protocol` | the control page of a core and the clock page: their fields, and the order of loads and stores |
//! | `ledger` | what was deleted of a core's log |
//! | `identity` | `log.json` |
//! | `stage_file` | groups in memory that survives the process |
//! | `position` | a place in the log, as cursors keep it |
//! | `bytes` | fields in byte slices |

pub(in crate::log) mod bytes;
pub mod control;
pub mod header;
pub mod identity;
pub mod ledger;
pub mod position;
pub(super) mod protocol;
pub mod record;
pub mod sidecar;
pub(super) mod stage_file;
