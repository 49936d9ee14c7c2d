//! Below the log: the calls that change the disk, memory that the kernel writes to it, the lock, and small files.
//!
//! | file | |
//! |---|---|
//! | `calls` | the calls that change the disk; a test puts another disk in their place |
//! | `page` | the size of a page |
//! | `aligned` | a buffer that begins at a page |
//! | `stage` | groups in memory, on their way past the page cache |
//! | `file_block` | a stage's memory in a file, where it survives the process |
//! | `shared_page` | one page of a file, mapped: the control and clock pages |
//! | `sigbus` | what happens when the kernel can't provide a page of a mapping |
//! | `locked_file` | a file that one process at a time has |
//! | `lock` | one server at a time |
//! | `lease` | whether anybody else has a file open |
//! | `owner` | whose the files are that a command makes |
//! | `small_file` | replacing a small file as a whole |
//! | `free_space` | how much space is left |

pub(super) mod aligned;
pub(super) mod calls;
pub(super) mod file_block;
pub(super) mod free_space;
pub(super) mod lease;
pub(super) mod lock;
pub mod locked_file;
pub mod owner;
pub(super) mod page;
pub mod pages;
pub(super) mod shared_page;
pub(super) mod sigbus;
pub(super) mod small_file;
pub(super) mod stage;
