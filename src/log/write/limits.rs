//! How much of a core's log may be on its way at a time.

/// Groups on their way to the disk: the one that is synced, and those that rolling over has closed behind it.
pub(in crate::log) const GROUPS_MAX: usize = 3;

/// Segments of a core that wait to be sealed before it stops rolling over: the sealer's disk is then far behind.
pub(in crate::log) const UNSEALED_MAX: u64 = 8;

/// Places in the sealer's queue for each core: those, and what failures and the end add.
pub(in crate::log) const RETIRED_MAX: usize = UNSEALED_MAX as usize + 2 * (GROUPS_MAX + 1);

/// Places in a syncer's queue: the groups that were handed over and are not settled, an alarm, and the end fit in, so that a core never waits here.
pub(in crate::log) const JOBS_MAX: usize = 8;

const _: () = assert!(GROUPS_MAX + 3 <= JOBS_MAX);
