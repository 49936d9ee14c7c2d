//! The state of each core, and the way back from poison.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::log::format::control::State;
use crate::log::write::notice::Notice;
use crate::log::write::shared::Core;

use super::Log;
use super::core_state::{reason, state};

/// How often a reopening looks whether the segments have proved themselves.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// What a core's log is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreHealth {
    /// The core.
    pub core: u16,
    /// Open from when the first segment is ready, even if nothing has been appended yet; else as its control page has it.
    pub state: State,
    /// Why it can't append, or soon can't; none when all is well.
    pub reason: Option<String>,
}

/// What happened to a core when the log was reopened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reopened {
    /// The core.
    pub core: u16,
    /// Its state before.
    pub before: State,
    /// Its state after.
    pub after: State,
    /// Why it is not open.
    pub reason: Option<String>,
}

impl Log {
    /// Lifts the poison of all cores that have any, once the operator has mended what was broken, and waits at most `patience`
    /// for a fresh segment of each to prove itself. A core whose segments fail again is poisoned again.
    ///
    /// A core whose syncer thread has died stays poisoned: that takes a restart.
    pub fn reopen(&self, patience: Duration) -> Vec<Reopened> {
        let shared = &self.inner.shared;
        let before: Vec<State> = shared.cores.iter().map(|core| state(core)).collect();
        shared.cores.iter().for_each(|core| core.reopen());
        shared.wake_preparer();
        let deadline = Instant::now() + patience;
        let decided = |core: &Arc<Core>| core.poison().is_some() || state(core) == State::Open;
        while !shared.cores.iter().all(decided) && !shared.is_closing() && Instant::now() < deadline {
            thread::sleep(LOOK_PAUSE);
        }
        let report = |(core, before): (CoreHealth, State)| Reopened {
            core: core.core,
            before,
            after: core.state,
            reason: core.reason,
        };
        self.cores().into_iter().zip(before).map(report).collect()
    }

    /// The state of each core.
    pub fn cores(&self) -> Vec<CoreHealth> {
        let look = |core: &Core| CoreHealth { core: core.index, state: state(core), reason: reason(core) };
        self.inner.shared.cores.iter().map(|core| look(core)).collect()
    }

    /// Whether this core takes nothing more, and others have to take its place.
    pub fn is_poisoned(&self, core: u16) -> bool {
        self.inner.shared.cores.get(usize::from(core)).is_none_or(|core| core.poison().is_some())
    }

    /// The oldest notice that nobody has taken yet. At most 256 wait; beyond it the oldest are lost.
    pub fn next_notice(&self) -> Option<Notice> {
        self.inner.shared.notices.pop()
    }
}
