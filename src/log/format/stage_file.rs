//! A stage file: groups that are not on the disk yet, in memory that survives the process.
//!
//! With `ack = "memory"` a record is answered once it lies in the page cache. A directly written group passes the page cache by, so
//! the stages that it is collected in are pages of a file, `core-NN/stage-N`, that the writer has mapped. After a `kill -9` the next start finds there
//! what had not reached its segment. It says nothing after a power cut: its pages are never synced, so a start believes it only on the boot that
//! it was written on, and only where it was made: see [`StageFile::read`].
//!
//! All numbers are u64 words, little-endian. The table is followed by the groups' bytes.
//!
//! | at | word |
//! |---|---|
//! | 0 | magic `TAKEUPST` |
//! | 8 | version (low 32 bits), core (high 32) |
//! | 16, 24 | the log's UUID |
//! | 32, 40 | the id of the boot of the machine |
//! | 48 | place: inode and birth of the file, as in a control page |
//! | 56 | how many groups there are |
//! | 64 + 32 n | of group n: its segment |
//! | 72 + 32 n | its offset there |
//! | 80 + 32 n | where its bytes begin in this file |
//! | 88 + 32 n | how many there are |
//!
//! The writer stores a group's fields before it counts it, and each record's bytes before it adds their number. Groups may be there of which all or
//! some is in the segment already: they have the same bytes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::log::disk::page::PAGE_BYTES;

use super::control;
use super::record::u64_at;

/// The first word: `TAKEUPST`, little-endian.
pub(in crate::log) const MAGIC: u64 = u64::from_le_bytes(*b"TAKEUPST");

/// The version of the layout.
pub(in crate::log) const VERSION: u32 = 1;

/// Where the groups' bytes begin.
pub(in crate::log) const BYTES_FROM: u64 = 64 << 10;

/// How many groups fit into the table.
pub(in crate::log) const GROUPS_MAX: usize = (BYTES_FROM as usize - at::GROUPS) / at::GROUP_BYTES;

/// Where the words lie, in bytes.
pub(in crate::log) mod at {
    pub(in crate::log) const VERSION_CORE: usize = 8;
    pub(in crate::log) const LOG: usize = 16;
    pub(in crate::log) const BOOT: usize = 32;
    pub(in crate::log) const PLACE: usize = 48;
    pub(in crate::log) const COUNT: usize = 56;
    pub(in crate::log) const GROUPS: usize = 64;
    pub(in crate::log) const GROUP_BYTES: usize = 32;
    pub(in crate::log) const SEGMENT: usize = 0;
    pub(in crate::log) const OFFSET: usize = 8;
    pub(in crate::log) const FROM: usize = 16;
    pub(in crate::log) const BYTES: usize = 24;
}

const FILE_PREFIX: &str = "stage-";

/// The name of a core's stage file with this number.
pub(in crate::log) fn file_name(number: u64) -> String {
    format!("{FILE_PREFIX}{number}")
}

/// The stage files in a core's folder.
pub(in crate::log) fn files(core_dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(core_dir).into_iter().flatten().flatten();
    let is_one = |name: &str| name.strip_prefix(FILE_PREFIX).is_some_and(|number| number.parse::<u64>().is_ok());
    let mut found: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_one)).map(|entry| entry.path()).collect();
    found.sort_unstable();
    found
}

/// The id of this boot of the machine; None where the system does not tell.
pub(in crate::log) fn boot_id() -> Option<Uuid> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Uuid::parse_str(text.trim()).ok()
}

/// A group in a stage file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct StagedGroup {
    pub(in crate::log) segment: u64,
    /// Its offset in the segment.
    pub(in crate::log) offset: u64,
    /// Where its bytes begin in the stage file.
    pub(in crate::log) from: u64,
    pub(in crate::log) bytes: u64,
}

/// A stage file that a killed server has left.
#[derive(Debug)]
pub(in crate::log) struct StageFile {
    pub(in crate::log) file: File,
    /// In the order in which they were begun.
    pub(in crate::log) groups: Vec<StagedGroup>,
}

impl StageFile {
    /// The stage file at `path`; None if it is none of this core, was written on another boot of the machine, or is a copy.
    pub(in crate::log) fn read(path: &Path, log: Uuid, core: u16, boot: Option<Uuid>) -> Option<StageFile> {
        let file = File::open(path).ok()?;
        let mut table = vec![0; BYTES_FROM as usize];
        file.read_exact_at(&mut table, 0).ok()?;
        let length = file.metadata().ok()?.len();
        let word = |at: usize| u64_at(&table, at);
        let sound = word(0) == MAGIC
            && word(at::VERSION_CORE) == u64::from(VERSION) | u64::from(core) << 32
            && table[at::LOG..at::LOG + 16] == *log.as_bytes()
            && boot.is_some_and(|boot| table[at::BOOT..at::BOOT + 16] == *boot.as_bytes())
            && word(at::PLACE) == control::place_of(&file);
        if !sound {
            return None;
        }
        let count = (word(at::COUNT) as usize).min(GROUPS_MAX);
        let group = |number: usize| {
            let of = at::GROUPS + number * at::GROUP_BYTES;
            StagedGroup {
                segment: word(of + at::SEGMENT),
                offset: word(of + at::OFFSET),
                from: word(of + at::FROM),
                bytes: word(of + at::BYTES),
            }
        };
        let lies_in_file = |group: &StagedGroup| {
            let end = group.from.checked_add(group.bytes);
            group.from >= BYTES_FROM && end.is_some_and(|end| end <= length) && group.offset.is_multiple_of(PAGE_BYTES)
        };
        let groups = (0..count).map(group).filter(|group| group.bytes > 0 && lies_in_file(group)).collect();
        Some(StageFile { file, groups })
    }
}
