//! What retention did and sees, for metrics and log lines.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use crate::log::clock::wall::ClockDoubt;

use super::in_archive::InArchive;
use super::plan::{Deletion, FullDisk, Reason, Retain};

/// Figures since the log was opened, and what was seen at the last look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionStats {
    /// Segments deleted, by reason, in the order of [`Reason::ALL`].
    pub deleted: [u64; Reason::ALL.len()],
    /// The bytes of all of them.
    pub deleted_bytes: u64,
    /// Records that were deleted though a consumer that holds had not passed them.
    pub undelivered_records: u64,
    /// The bytes of the segments that they were in.
    pub undelivered_bytes: u64,
    /// Deleted segments whose files were kept for the next ones.
    pub recycled: u64,
    /// Steps in which files were cut.
    pub steps: u64,
    /// Looks that could not be finished.
    pub failures: u64,
    /// The bytes of the log: sealed, being written, made ready, being deleted.
    pub log_bytes: u64,
    /// The bytes of blank files that deleted segments have left for the next ones; they are not among `log_bytes`.
    pub spare_bytes: u64,
    /// The bytes of sealed segments that a holding consumer has not passed.
    pub held_bytes: u64,
    /// Segments that would go by age, if the wall clock were believed.
    pub clock_held_segments: u64,
    /// Cursors that can't be believed; each holds everything.
    pub doubtful_cursors: u64,
    /// Segments that would go if they were in the archive, and that the archive does not confirm.
    pub awaiting_archive: u64,
    /// Why the archive confirms nothing.
    pub archive_fault: Option<String>,
    /// Every consumer whose cursor can be read.
    pub consumers: Vec<ConsumerLag>,
}

/// How far a consumer is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerLag {
    /// Its name.
    pub name: String,
    /// Whether it holds segments back.
    pub holds: bool,
    /// Sealed segments that it has not passed.
    pub segments: u64,
    /// What is left to read in them, in bytes.
    pub bytes: u64,
}

/// Something that an operator should read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A segment was taken out of the log. Its space comes back in steps.
    Deleted {
        /// Which, and why.
        deletion: Deletion,
        /// The consumers that hold it and had not passed it; empty unless the reason is [`Reason::Undelivered`].
        held_by: Vec<String>,
    },
    /// A cursor can't be believed: it holds everything. Told once.
    Doubt {
        /// The error, with the file and what to do.
        error: String,
    },
    /// Segments would go by age, and stay, because the wall clock is not believed.
    Clock {
        /// How far it is off.
        doubt: ClockDoubt,
        /// How many.
        segments: usize,
    },
    /// The archive can't tell what it holds, or a segment is not as it was sealed: it stays. Told once for the same reason.
    NotArchived {
        /// Why.
        reason: String,
    },
    /// A look could not be finished; it is tried again. Told once for the same error.
    Failed {
        /// The error.
        error: String,
    },
}

/// Receives events, on the thread that deletes. It must not block.
#[derive(Clone, Default)]
pub struct Listener(Option<Arc<Hear>>);

type Hear = dyn Fn(&Event) + Send + Sync;

impl Listener {
    /// Tells `hear`.
    pub fn new(hear: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        Listener(Some(Arc::new(hear)))
    }

    pub(in crate::log) fn tell(&self, event: &Event) {
        if let Some(hear) = &self.0 {
            hear(event);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

/// What the deleting thread shares with the others.
#[derive(Debug, Default)]
pub(in crate::log) struct Desk {
    thread: OnceLock<Thread>,
    stats: Mutex<RetentionStats>,
    /// None until all of them are known: nothing is deleted before.
    rules: Mutex<Option<Rules>>,
}

/// All that says what may be deleted but the consumers, whose cursors are read anew before each deletion. There is no default and no
/// part of it: who starts the deleting must know the ages of all projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub(in crate::log) retain: Retain,
    pub(in crate::log) full_disk: FullDisk,
    pub(in crate::log) step_bytes: u64,
    pub(in crate::log) archive: Option<InArchive>,
}

impl Rules {
    /// The settings, and every project that has an age of its own, None for ever.
    pub fn new(policy: Policy, projects: BTreeMap<u32, Option<Duration>>) -> Rules {
        let Policy { age, bytes, full_disk, step_bytes } = policy;
        Rules { retain: Retain { age, bytes, projects }, full_disk, step_bytes, archive: None }
    }

    /// With an archive: segments whose records are in it go, too, once every holding consumer has passed them.
    #[must_use]
    pub fn until_archived(self, archive: Option<InArchive>) -> Rules {
        Rules { archive, ..self }
    }
}

/// What an operator may change about retention while the log is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long records are kept whose project has no age of its own; None: for ever.
    pub age: Option<Duration>,
    /// The most bytes that the log may take; None: as many as there are.
    pub bytes: Option<u64>,
    /// What is done when the disk is nearly full.
    pub full_disk: FullDisk,
    /// How much of a segment that is deleted is given back at a time.
    pub step_bytes: u64,
}

impl Desk {
    pub(in crate::log) fn set_thread(&self, thread: Thread) {
        let _ = self.thread.set(thread);
    }

    /// Has the thread look now.
    pub(in crate::log) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    pub(in crate::log) fn stats(&self) -> RetentionStats {
        self.stats_mut().clone()
    }

    pub(in crate::log) fn stats_mut(&self) -> MutexGuard<'_, RetentionStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules from the next look on, which is made at once. Before the first call nothing is deleted. True at the first call.
    pub(in crate::log) fn set_rules(&self, rules: Rules) -> bool {
        let first = self.rules_mut().replace(rules).is_none();
        self.wake();
        first
    }

    /// New ages of projects, from the next look on.
    pub(in crate::log) fn set_projects(&self, projects: BTreeMap<u32, Option<Duration>>) {
        if let Some(rules) = self.rules_mut().as_mut() {
            rules.retain.projects = projects;
        }
    }

    /// Other settings, from the next look on, which is made at once.
    pub(in crate::log) fn set_policy(&self, policy: Policy) {
        if let Some(rules) = self.rules_mut().as_mut() {
            let archive = rules.archive.take();
            *rules = Rules::new(policy, std::mem::take(&mut rules.retain.projects)).until_archived(archive);
        }
        self.wake();
    }

    /// What is done when the disk is nearly full; nothing, while the rules are not known.
    pub(in crate::log) fn full_disk(&self) -> FullDisk {
        self.rules_mut().as_ref().map_or(FullDisk::Hold, |rules| rules.full_disk)
    }

    pub(in crate::log) fn rules(&self) -> Option<Rules> {
        self.rules_mut().clone()
    }

    fn rules_mut(&self) -> MutexGuard<'_, Option<Rules>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
