//! The calls by which the log changes the disk, as far as a power cut could tell them from each other.
//!
//! Appends are not among them: they are copied into a mapping, and reach the disk by [`Disk::sync_range`]. Nor are the control and clock
//! pages, which are never synced. Everything else that has to be there after a crash goes through here, so that a test can put a disk in
//! its place that forgets whatever was not synced. None of these calls is on the append path.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use memmap2::MmapRaw;
use rustix::fs::{Advice, FallocateFlags};

use crate::log::disk::{lease, owner};

/// Where a log's files are. Every call is the system call that its name says, with that call's errors.
pub(in crate::log) trait Disk: fmt::Debug + Send + Sync {
    /// Makes a file that is not there yet, to be read and written.
    fn create_new(&self, path: &Path) -> io::Result<File>;

    /// The same, for writes past the page cache: [`Disk::write_through`].
    fn create_direct(&self, path: &Path) -> io::Result<File>;

    /// Makes a file, or empties the one that is there, to be written.
    fn create(&self, path: &Path) -> io::Result<File>;

    /// Opens a file that is there, to be read and written.
    fn open(&self, path: &Path) -> io::Result<File>;

    /// The same, for writes past the page cache.
    fn open_direct(&self, path: &Path) -> io::Result<File>;

    /// Whether nobody else has the file open.
    fn is_only(&self, file: &File) -> bool;

    /// Has the first `bytes` of a file read as zeros, and makes it as long where it is shorter. It keeps its blocks, and gets those that
    /// it lacks. An error where the file system would take other blocks.
    fn zero(&self, file: &File, bytes: u64) -> io::Result<()>;

    /// Gives a file blocks for `bytes`, and that length.
    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()>;

    /// Cuts a file to `bytes`.
    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()>;

    /// Writes all of `bytes` at an offset.
    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Writes whole pages, from memory that begins at a page, to a file that was made for it: durable when it returns.
    fn write_through(&self, file: &File, pages: &[u8], at: u64) -> io::Result<()>;

    /// Makes a file durable: its bytes and its length, not its name.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Makes pages of a file durable that were written through `map`, its mapping from the first byte.
    fn sync_range(&self, file: &File, map: &MmapRaw, at: u64, bytes: u64) -> io::Result<()>;

    /// Lets go of what memory holds of a file, as far as it needs not be written any more: what is read next comes from the disk.
    fn drop_cache(&self, file: &File) -> io::Result<()>;

    /// Gives a file another name, in place of what bore it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder that only this user may enter; its parent must be there.
    fn make_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// Makes the names in a folder durable.
pub(in crate::log) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The type of the file system whose files keep their blocks when they are zeroed, from linux/magic.h.
const EXT4: u64 = 0xEF53;

/// The disk of this machine.
pub(in crate::log) const REAL: &dyn Disk = &Real;

/// How a file is opened for writes past the page cache, each durable when it returns.
const DIRECT: i32 = libc::O_DIRECT | libc::O_DSYNC;

#[derive(Debug)]
pub(in crate::log) struct Real;

impl Disk for Real {
    fn create_new(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
    }

    fn create_direct(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).custom_flags(DIRECT).open(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        owner::of_folder(&file, path);
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    fn open_direct(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).custom_flags(DIRECT).open(path)
    }

    fn is_only(&self, file: &File) -> bool {
        lease::is_only(file)
    }

    fn zero(&self, file: &File, bytes: u64) -> io::Result<()> {
        // xfs and btrfs give all of the blocks back and take others: with discard, that is the TRIM of a whole file at once.
        if rustix::fs::fstatfs(file)?.f_type as u64 & 0xFFFF_FFFF != EXT4 {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        Ok(rustix::fs::fallocate(file, FallocateFlags::ZERO_RANGE, 0, bytes)?)
    }

    fn allocate(&self, file: &File, bytes: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes)?)
    }

    fn set_len(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    fn write_through(&self, file: &File, pages: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(pages, at)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_range(&self, _file: &File, map: &MmapRaw, at: u64, bytes: u64) -> io::Result<()> {
        map.flush_range(at as usize, bytes as usize)
    }

    fn drop_cache(&self, file: &File) -> io::Result<()> {
        Ok(rustix::fs::fadvise(file, 0, None, Advice::DontNeed)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)
    }
}
