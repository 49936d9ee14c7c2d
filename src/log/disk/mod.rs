//! The file system below the log: the calls that change it, the lock, small files, which file systems will do.

pub(super) mod calls;
pub(super) mod filesystem;
pub(super) mod lock;
pub(super) mod small_file;
