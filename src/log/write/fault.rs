//! Why a segment may not be used any more.

use std::fmt;
use std::io;

/// What made a segment fail. Small and `Copy`, so that the append path can hand it out without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A sync failed, with this errno: what it was to make durable may be lost, whatever a later sync says.
    Sync(i32),
    /// The kernel could not provide a page of the mapping.
    Bus,
    /// A segment could not be made, allocated or populated, with this errno.
    Prepare(i32),
    /// The segment's syncer thread is gone.
    Syncer,
}

impl Fault {
    pub(in crate::log) fn sync(error: &io::Error) -> Fault {
        Fault::Sync(error.raw_os_error().unwrap_or(libc::EIO))
    }

    pub(in crate::log) fn prepare(error: &io::Error) -> Fault {
        Fault::Prepare(error.raw_os_error().unwrap_or(libc::EIO))
    }

    /// Whether it says that the disk is full, and not that it is broken.
    pub fn is_disk_full(self) -> bool {
        matches!(self, Fault::Prepare(errno) if errno == libc::ENOSPC || errno == libc::EDQUOT)
    }

    /// Whether it says nothing about the disk and passes by itself when its cause does: the disk is full, the process or the machine is short of
    /// something, or somebody has taken away a right.
    pub(in crate::log) fn is_passing(self) -> bool {
        let Fault::Prepare(errno) = self else { return false };
        const PASSING: [i32; 7] =
            [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN, libc::EINTR, libc::EACCES, libc::EPERM];
        self.is_disk_full() || PASSING.contains(&errno)
    }

    /// Every cause, as [`Fault::cause`] names it.
    pub const CAUSES: [&str; 4] = ["sync", "bus", "prepare", "syncer"];

    /// A stable word for counters.
    pub const fn cause(self) -> &'static str {
        Fault::CAUSES[self.index()]
    }

    /// The place of its cause in [`Fault::CAUSES`].
    pub(in crate::log) const fn index(self) -> usize {
        self.kind() as usize - 1
    }

    const fn kind(self) -> u64 {
        match self {
            Fault::Sync(_) => 1,
            Fault::Bus => 2,
            Fault::Prepare(_) => 3,
            Fault::Syncer => 4,
        }
    }

    pub(in crate::log) fn to_io(self) -> io::Error {
        match self {
            Fault::Sync(errno) | Fault::Prepare(errno) => io::Error::from_raw_os_error(errno),
            Fault::Bus | Fault::Syncer => io::Error::other(self.to_string()),
        }
    }

    /// A non-zero code for an atomic word; 0 means none.
    pub(in crate::log) fn to_code(self) -> u64 {
        let errno = match self {
            Fault::Sync(errno) | Fault::Prepare(errno) => errno,
            Fault::Bus | Fault::Syncer => 0,
        };
        self.kind() << 32 | u64::from(errno as u32)
    }

    pub(in crate::log) fn from_code(code: u64) -> Option<Fault> {
        let errno = code as u32 as i32;
        match code >> 32 {
            1 => Some(Fault::Sync(errno)),
            2 => Some(Fault::Bus),
            3 => Some(Fault::Prepare(errno)),
            4 => Some(Fault::Syncer),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
