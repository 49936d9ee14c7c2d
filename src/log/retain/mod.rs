//! Retention: what is deleted, when and why. The thread that deletes is in `log::delete`.
//!
//! | file | |
//! |---|---|
//! | [`mod@plan`] | the decision, without side effects |
//! | [`in_archive`] | what an archive says of the log's segments |
//! | [`mod@archived`] | what goes because it is in an archive |
//! | [`mod@stays`] | why the others stay, for those who ask |
//! | `stats` | the rules in force, figures and events: what the deleting thread shares with the others |

pub mod archived;
pub mod in_archive;
pub mod plan;
pub(super) mod stats;
pub mod stays;

pub use archived::{Archived, Ids, archived};
pub use in_archive::InArchive;
pub use plan::*;
pub(in crate::log) use stats::Desk;
pub use stats::{ConsumerLag, Event, Listener, Policy, RetentionStats, Rules};
