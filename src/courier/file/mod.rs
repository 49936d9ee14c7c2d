//! Files: every record of the log as NDJSON, one object a record, in files that are closed by size and age.
//!
//! The running file's name ends in `.part`. It is synced before anything is confirmed, and renamed once it is full or old enough; a file
//! without `.part` never changes again. After a restart the running file goes on: what a crash left of a line is cut off, and records that the
//! newest files already hold are not written again. Nothing is ever deleted.
//!
//! | file | holds |
//! |---|---|
//! | `line` | the packer: a record's line, with its id |
//! | `destination` | hands lines to a thread that writes, because a disk can hang |
//! | `files` | the running file, and when the next one begins |
//! | `found` | what an earlier run has left in the folder |
//! | `name` | names of files |
//! | `fault` | which trouble an error of the system stands for |

mod destination;
mod fault;
mod files;
mod found;
mod line;
mod name;

pub use destination::FileDestination;
pub use files::FileOptions;
pub use line::{FileLine, FilePacker};
