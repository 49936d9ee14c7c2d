//! The process's limit on open files, and how many connections it allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::telemetry::{Level, Logger};

/// Connections accepted beyond the cap of a core: they wait for a slot within their patience, and then get a 503.
const BEYOND_CAP_MAX: usize = 256;

/// Descriptors reserved for the process: the admin port and its connections (64 for probes and scrapers together), watched files, log files
/// and cursors that the checker and the deleter read, and files opened briefly.
const RESERVED: u64 = 128;

/// Descriptors reserved for each core: two for each segment that is in use, prepared or not sealed yet, a third for each of them that is being
/// hashed or was, the folder that is synced, the listener, the ring, two of the epoll instance, and the epoll set of a sweep.
const RESERVED_PER_CORE: u64 = 48;

/// The connections that a core may have, such that all of them together leave the log its descriptors: a flood of connections must not keep
/// the log from its next segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Those that are served.
    pub cap: usize,
    /// Those beyond the cap that wait for a slot.
    pub beyond: usize,
}

impl Connections {
    /// Both together.
    pub fn total(self) -> usize {
        self.cap + self.beyond
    }
}

/// Raises the limit on open files as far as possible, and returns how many connections each core may have.
pub fn connections(wanted: usize, cores: u16, logger: &Logger) -> Connections {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    let allowed = per_core(wanted, cores, limit.current);
    if allowed.cap < wanted {
        let (allowed, wanted) = (allowed.cap.to_string(), wanted.to_string());
        let fields = [("connections_max", &*wanted), ("allowed", &*allowed)];
        let message = "the limit on open files allows fewer connections than connections_max: raise it (ulimit -n)";
        logger.event(Level::Warn, crate::caller!(), message, &fields);
    }
    allowed
}

fn per_core(wanted: usize, cores: u16, open_files: Option<u64>) -> Connections {
    let Some(open_files) = open_files else { return Connections { cap: wanted, beyond: BEYOND_CAP_MAX } };
    let cores = u64::from(cores.max(1));
    let free = open_files.saturating_sub(RESERVED + RESERVED_PER_CORE * cores).max(open_files / 4);
    let share = usize::try_from(free / cores).unwrap_or(usize::MAX);
    let beyond = (share / 4).clamp(1, BEYOND_CAP_MAX);
    Connections { cap: wanted.min(share.saturating_sub(beyond).max(1)), beyond }
}

#[cfg(test)]
mod tests;
