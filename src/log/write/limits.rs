//! How much of a core's log may be in flight at a time.

/// Groups on their way to the disk: the one being synced, and those that rolling over has closed since.
pub(in crate::log) const GROUPS_MAX: usize = 3;

/// How many of a core's segments may wait to be sealed before it stops rolling over: by then the sealer's disk is far behind.
pub(in crate::log) const UNSEALED_MAX: u64 = 8;

/// Slots in the hasher's and the sealer's queue per core: those, plus what failures and the shutdown add.
pub(in crate::log) const RETIRED_MAX: usize = UNSEALED_MAX as usize + 2 * (GROUPS_MAX + 1);

/// Slots in a syncer's queue: enough for the groups handed over and not yet settled, an alarm, and the end, so that a core never waits here.
pub(in crate::log) const JOBS_MAX: usize = 8;

const _: () = assert!(GROUPS_MAX + 3 <= JOBS_MAX);
