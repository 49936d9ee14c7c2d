//! Retention in the archive: which rows leave it, when and why. One policy with the log's ([`crate::log::retain`]): projects have the same ages in both,
//! and the rest has an age and a size for the log and others for the archive.
//!
//! **The unit is an hour**, of all tables together, so that no table knows of what another has forgotten. An hour's age counts from when it ended, or from
//! when its records were received where the server's clock was off then ([`FileEntry::received_us`](super::manifest::FileEntry)). It leaves as a whole when
//! the ages of all projects in it have ended. When only those of some have, the files that have rows of these are written again without them. So a file is
//! written as often as its projects have different ages, and projects without an age of their own cost nothing.
//!
//! **Size.** The oldest hours leave as a whole until the archive is within its cap. The newest hour stays.
//!
//! **Evidence.** Nothing leaves before the rules are known as a whole: the settings and the ages of all projects. Ages are counted to the earliest time
//! that it may be, as in the log. A file that can't be read may have rows of any project, and stays as long as any.
//!
//! **Order.** The manifest is replaced first, and the files are removed after that ([`super::rewrite`]). The manifest's end stays where it is, so
//! what has left is not compacted again, even if the log still has it.
//!
//! | file | |
//! |---|---|
//! | [`mod@plan`] | the decision, without side effects |
//! | [`facts`] | what there is to decide about |
//! | [`projects`] | how many rows of each project a file has |
//! | [`step`] | one hour less |

pub mod facts;
pub mod plan;
pub mod projects;
pub mod step;

pub use plan::{ArchiveLook, HourFacts, Leaves, Removal, plan};
pub use step::{Removed, Retention};
