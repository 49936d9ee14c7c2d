//! The process's limit on open files, and what it leaves for connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::telemetry::{Level, Logger};

/// Descriptors kept for the log, the listeners, the admin port and the rings. Without them a flood of connections would
/// leave the log without its next segment.
const KEPT: u64 = 256;

/// Raises the limit on open files as far as it goes, and gives the connections that each core may have.
pub fn connections(wanted: usize, cores: u16, logger: &Logger) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    let allowed = per_core(wanted, cores, limit.current);
    if allowed < wanted {
        let (allowed, wanted) = (allowed.to_string(), wanted.to_string());
        let fields = [("connections_max", &*wanted), ("allowed", &*allowed)];
        let message = "the limit on open files allows fewer connections than connections_max: raise it (ulimit -n)";
        logger.event(Level::Warn, crate::caller!(), message, &fields);
    }
    allowed
}

fn per_core(wanted: usize, cores: u16, open_files: Option<u64>) -> usize {
    let Some(open_files) = open_files else { return wanted };
    let free = open_files.saturating_sub(KEPT).max(open_files / 2);
    let share = usize::try_from(free / u64::from(cores.max(1))).unwrap_or(usize::MAX);
    wanted.min(share.max(1))
}

#[cfg(test)]
mod tests {
    use super::per_core;

    #[test]
    fn connections_never_take_the_descriptors_that_the_log_needs() {
        assert_eq!(per_core(16_384, 2, None), 16_384);
        assert_eq!(per_core(16_384, 2, Some(1 << 20)), 16_384);
        assert_eq!(per_core(16_384, 2, Some(1024)), 384);
        assert_eq!(per_core(16_384, 4, Some(64)), 8);
    }
}
