//! Keeps the archive up to date while the server runs: a consumer of the log, on a thread of its own, behind everything that serves requests.
//!
//! The thread gathers records into a chunk and puts it into the archive when it is large or old enough. In between, when it has caught up, it
//! merges the small files of hours that are over. It has the lowest priority and a budget: a share of a processor, and bytes a second.
//!
//! **Its place in the log** is what the archive's manifest says. The cursor `compactor` only holds back the segments that are not in the archive
//! yet: it follows the manifest, and is set by it at each start. A cursor that can't be believed is replaced as long as the manifest can.
//!
//! **When something fails**, the chunk is dropped: its records are in the log, and are read again. Ingestion does not notice. The fault is logged once,
//! shown in health and metrics, and tried again after a growing pause, until it works. An archive whose manifest vanishes while the server runs is not begun
//! anew by itself: its disk may only be gone for a while.
//!
//! **A full disk.** The archive leaves the log's room to the log: nothing is written that would take the free space below a floor.
//!
//! | file | |
//! |---|---|
//! | `thread` | [`Keeper`]: the thread, and what others may ask of it |
//! | `worker` | what runs on it |
//! | `gathering` | an open archive, the chunk that is being gathered, and the receipts of its records |
//! | [`mod@register`] | its consumer's registration |
//! | `rereads` | how often what looks damaged is read again |
//! | `options` | its settings, which can change while it runs |
//! | `pace` | the budget |
//! | `room` | how much may be written to the disk |
//! | `trouble` | what keeps it from working |
//! | [`status`] | what it does, and what it has done |
//! | `measured` | how far it is behind |
//! | `metrics` | all of that as metrics |

mod gathering;
mod measured;
mod metrics;
mod options;
mod pace;
pub mod register;
mod rereads;
mod room;
pub mod status;
mod thread;
mod trouble;
mod worker;

pub use options::KeeperOptions;
pub use register::register;
pub use status::{Counts, State, Status, Waiting};
pub use thread::Keeper;
