//! Whether anybody else has a file open.

use std::fs::File;
use std::os::fd::AsRawFd;

/// The number of this call in linux/asm-generic/fcntl.h.
const F_SETSIG: libc::c_int = 10;

/// Whether this open file, opened to be read and written, is the only one of its file: no other process and no other descriptor of this
/// one has it open or mapped. False also where the system can't tell.
///
/// The kernel grants a lease for writing in exactly this case, and it is given back at once.
pub(in crate::log) fn is_only(file: &File) -> bool {
    let call = |command: libc::c_int, argument: libc::c_int| {
        // SAFETY: these commands take a number and touch no memory of this process; the descriptor is open as long as `file` is borrowed.
        unsafe { libc::fcntl(file.as_raw_fd(), command, argument) == 0 }
    };
    // Whoever opens the file while the lease is held has it called back by a signal. The usual one would end the process; this one is
    // ignored by default.
    call(F_SETSIG, libc::SIGURG) && call(libc::F_SETLEASE, libc::F_WRLCK) && call(libc::F_SETLEASE, libc::F_UNLCK)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn a_file_that_another_has_open_or_mapped_is_told_from_one_that_nobody_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, vec![1; 4096]).unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let file = open();
        assert!(is_only(&file) && is_only(&file));
        let other = File::open(&path).unwrap();
        assert!(!is_only(&file), "one that reads");
        drop(other);
        let other = open();
        assert!(!is_only(&file), "one that writes");
        let map = memmap2::MmapRaw::map_raw(&other).unwrap();
        drop(other);
        assert!(!is_only(&file), "one that has closed it and still maps it");
        drop(map);
        assert!(is_only(&file));
    }
}
