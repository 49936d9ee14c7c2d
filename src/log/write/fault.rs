//! Why a segment may no longer be used.

use std::fmt;
use std::io;

use super::invariant::Invariant;

/// Why a segment failed. Small and `Copy`, so that the append path can return it without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A sync failed, with this errno: what it should have made durable may be lost, whatever a later sync reports.
    Sync(i32),
    /// The kernel could not provide a page of the mapping.
    Bus,
    /// A segment could not be created, allocated or populated, with this errno.
    Prepare(i32),
    /// The segment's syncer thread has died.
    Syncer,
    /// Another thread that the log depends on has died.
    Thread(LogThread),
    /// A bug in takeup: an invariant did not hold, so nothing that depends on it is acknowledged.
    Invariant(Invariant),
}

/// A thread that serves all cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LogThread {
    /// Creates segments: without it no core can roll over.
    Preparer = 1,
    /// Moves the windows, and watches the clock and the free space: without it no append gets past the window.
    Keeper = 2,
    /// Seals full segments: without it they pile up until no core can roll over.
    Sealer = 3,
    /// Deletes what retention releases: without it the disk fills up.
    Deleter = 4,
    /// Describes segments while they grow, and hands full ones to the sealer: without it they pile up, too.
    Hasher = 5,
}

impl LogThread {
    const ALL: [LogThread; 5] =
        [LogThread::Preparer, LogThread::Keeper, LogThread::Sealer, LogThread::Deleter, LogThread::Hasher];

    /// Its name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogThread::Preparer => "preparer",
            LogThread::Keeper => "keeper",
            LogThread::Sealer => "sealer",
            LogThread::Deleter => "deleter",
            LogThread::Hasher => "hasher",
        }
    }
}

impl Fault {
    pub(in crate::log) fn sync(error: &io::Error) -> Fault {
        Fault::Sync(error.raw_os_error().unwrap_or(libc::EIO))
    }

    pub(in crate::log) fn prepare(error: &io::Error) -> Fault {
        Fault::Prepare(error.raw_os_error().unwrap_or(libc::EIO))
    }

    /// Whether it means that the disk is full rather than broken.
    pub fn is_disk_full(self) -> bool {
        matches!(self, Fault::Prepare(errno) if errno == libc::ENOSPC || errno == libc::EDQUOT)
    }

    /// Whether it says nothing about the disk's health and clears by itself once its cause does: the disk is full, the process or the machine is
    /// short of a resource, or somebody has removed a permission.
    pub(in crate::log) fn is_passing(self) -> bool {
        let Fault::Prepare(errno) = self else { return false };
        const PASSING: [i32; 7] =
            [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN, libc::EINTR, libc::EACCES, libc::EPERM];
        self.is_disk_full() || PASSING.contains(&errno)
    }

    /// Whether only a restart helps: a thread has died.
    pub(in crate::log) fn takes_restart(self) -> bool {
        matches!(self, Fault::Syncer | Fault::Thread(_))
    }

    /// Every cause, as [`Fault::cause`] names it.
    pub const CAUSES: [&str; 6] = ["sync", "bus", "prepare", "syncer", "thread", "invariant"];

    /// A stable word for counters.
    pub const fn cause(self) -> &'static str {
        Fault::CAUSES[self.index()]
    }

    /// The index of its cause in [`Fault::CAUSES`].
    pub(in crate::log) const fn index(self) -> usize {
        self.kind() as usize - 1
    }

    const fn kind(self) -> u64 {
        match self {
            Fault::Sync(_) => 1,
            Fault::Bus => 2,
            Fault::Prepare(_) => 3,
            Fault::Syncer => 4,
            Fault::Thread(_) => 5,
            Fault::Invariant(_) => 6,
        }
    }

    pub(in crate::log) fn to_io(self) -> io::Error {
        match self {
            Fault::Sync(errno) | Fault::Prepare(errno) => io::Error::from_raw_os_error(errno),
            Fault::Bus | Fault::Syncer | Fault::Thread(_) | Fault::Invariant(_) => io::Error::other(self.to_string()),
        }
    }

    /// A non-zero code for an atomic word; 0 means none.
    pub(in crate::log) fn to_code(self) -> u64 {
        let detail = match self {
            Fault::Sync(errno) | Fault::Prepare(errno) => errno as u32,
            Fault::Bus | Fault::Syncer => 0,
            Fault::Thread(thread) => thread as u32,
            Fault::Invariant(invariant) => invariant.to_code(),
        };
        self.kind() << 32 | u64::from(detail)
    }

    #[inline]
    pub(in crate::log) fn from_code(code: u64) -> Option<Fault> {
        let errno = code as u32 as i32;
        match code >> 32 {
            1 => Some(Fault::Sync(errno)),
            2 => Some(Fault::Bus),
            3 => Some(Fault::Prepare(errno)),
            4 => Some(Fault::Syncer),
            5 => LogThread::ALL.into_iter().find(|&thread| thread as u32 == code as u32).map(Fault::Thread),
            6 => Invariant::from_code(code as u32).map(Fault::Invariant),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::Sync(errno) => write!(f, "a sync failed: {}", io::Error::from_raw_os_error(errno)),
            Fault::Bus => f.write_str("a page of the segment could not be provided (SIGBUS)"),
            Fault::Prepare(errno) => write!(f, "a segment could not be made: {}", io::Error::from_raw_os_error(errno)),
            Fault::Syncer => f.write_str("the syncer thread is gone"),
            Fault::Thread(thread) => write!(f, "the {} thread is gone", thread.as_str()),
            Fault::Invariant(invariant) => write!(f, "a bug in takeup broke an invariant: {}", invariant.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_survives_the_atomic_word_it_is_kept_in() {
        let threads = LogThread::ALL.map(Fault::Thread);
        let invariants = (1..=7).map(|code| Fault::Invariant(Invariant::from_code(code).unwrap()));
        let others = [Fault::Sync(libc::EIO), Fault::Bus, Fault::Prepare(libc::ENOSPC), Fault::Syncer];
        for fault in others.into_iter().chain(threads).chain(invariants) {
            assert_eq!(Fault::from_code(fault.to_code()), Some(fault));
        }
        assert_eq!(Fault::from_code(0), None);
    }

    #[test]
    fn shortages_and_missing_rights_pass_by_themselves_and_a_broken_disk_does_not() {
        for errno in [
            libc::ENOSPC,
            libc::EDQUOT,
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOMEM,
            libc::EAGAIN,
            libc::EINTR,
            libc::EACCES,
            libc::EPERM,
        ] {
            assert!(Fault::Prepare(errno).is_passing(), "{errno}");
            assert!(!Fault::Sync(errno).is_passing(), "nothing is known of what a failed sync has written: {errno}");
        }
        for errno in [libc::EIO, libc::EROFS, libc::ENODEV, libc::EUCLEAN] {
            assert!(!Fault::Prepare(errno).is_passing(), "{errno}");
        }
    }
}
