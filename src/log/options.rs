//! The settings of a log.

use std::path::PathBuf;
use std::time::Duration;

use crate::log::disk::page::PAGE_BYTES;
use crate::log::error::LogError;
use crate::log::retain::Listener;

/// When a record may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ack {
    /// When it is on disk: it survives a power cut.
    #[default]
    Disk,
    /// When it is in the page cache: it survives the process, not the machine.
    Memory,
}

/// How records get from memory to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// Direct where that can be, mapped elsewhere. Settled when the log is opened.
    Auto,
    /// Through the page cache: appended to a mapping, synced by range.
    #[default]
    Mapped,
    /// Past the page cache: whole groups by O_DIRECT and O_DSYNC. With [`Ack::Memory`] they are collected in pages of a file, which survive the process.
    Direct,
}

/// The settings of a log. Every bound can be set, so that tests reach it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The log's folder, `<data>/log`.
    pub dir: PathBuf,
    /// How many cores write; each gets a writer.
    pub cores: u16,
    /// When a record may be answered.
    pub ack: Ack,
    /// How records get to the disk.
    pub way: Way,
    /// The size of a segment. Where the disk has less to give, smaller ones are made.
    pub segment_bytes: u64,
    /// How far ahead of the cursor pages are made ready.
    pub window_bytes: u64,
    /// Whether segments are written once before they are used: syncs are quicker, each byte of the disk is written twice.
    pub format_ahead: bool,
    /// The largest group.
    pub group_bytes_max: u64,
    /// How much of what was written directly stays in memory for readers, for each core. It is kept in blocks of `group_bytes_max`; less than one
    /// block keeps nothing.
    pub recent_bytes: u64,
    /// How often [`Ack::Memory`] syncs in the background.
    pub sync_interval: Duration,
    /// Free space that is not touched.
    pub reserve_bytes: u64,
    /// The part of the window that is kept for starts.
    pub start_reserve_bytes: u64,
    /// A segment with records is sealed when it is this old.
    pub seal_age: Duration,
    /// How often is looked for what may go, once [`Log::start_deleting`](crate::log::Log::start_deleting) was told the rules.
    pub retain_interval: Duration,
    /// Who is told of deletions.
    pub retain_listener: Listener,
    /// A sync that takes longer counts as slow, and is spoken of.
    pub slow_sync: Duration,
    /// Take file systems that are not known to keep the promises.
    pub insist: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            dir: PathBuf::from("takeup-data/log"),
            cores: 1,
            ack: Ack::Disk,
            way: Way::Mapped,
            segment_bytes: 64 << 20,
            window_bytes: 8 << 20,
            format_ahead: true,
            group_bytes_max: 8 << 20,
            recent_bytes: 64 << 20,
            sync_interval: Duration::from_millis(10),
            reserve_bytes: 64 << 20,
            start_reserve_bytes: 256 << 10,
            seal_age: Duration::from_secs(600),
            retain_interval: Duration::from_secs(5),
            retain_listener: Listener::default(),
            slow_sync: Duration::from_millis(250),
            insist: false,
        }
    }
}

impl Options {
    /// The largest record, header included: one that fits into an empty group, window and segment beside the reserve for starts.
    pub fn record_bytes_max(&self) -> u64 {
        let least = self.window_bytes.min(self.group_bytes_max).min(self.segment_bytes - PAGE_BYTES);
        least.saturating_sub(self.start_reserve_bytes + PAGE_BYTES)
    }

    /// With less space than this the disk is nearly full: twice the reserve, and at least room above it for a whole segment.
    pub fn low_water_bytes(&self) -> u64 {
        self.reserve_bytes.saturating_add(self.reserve_bytes.max(self.segment_bytes))
    }

    /// The smallest segment that is made when the disk is nearly full: every record fits.
    pub(in crate::log) fn segment_bytes_min(&self) -> u64 {
        (self.window_bytes + PAGE_BYTES).min(self.segment_bytes)
    }

    /// # Errors
    /// Names the field that can't work.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let wrong = |field, reason: String| Err(LogError::Setting { field, reason });
        if self.cores == 0 {
            return wrong("cores", "at least one core must write".to_owned());
        }
        for (field, bytes) in [("segment_bytes", self.segment_bytes), ("window_bytes", self.window_bytes)] {
            if !bytes.is_multiple_of(PAGE_BYTES) || bytes < 4 * PAGE_BYTES {
                return wrong(field, format!("{bytes} is not a multiple of {PAGE_BYTES}, or below {}", 4 * PAGE_BYTES));
            }
        }
        // The header counts the durable end in units of 64 bytes, in 32 bits; a pad's and a payload's length have 32 bits too.
        if self.segment_bytes > 4 << 30 {
            return wrong("segment_bytes", format!("{} is above 4 GiB", self.segment_bytes));
        }
        if self.window_bytes > self.segment_bytes {
            return wrong(
                "window_bytes",
                format!("{} is more than a segment's {}", self.window_bytes, self.segment_bytes),
            );
        }
        if self.record_bytes_max() < PAGE_BYTES {
            let reason = format!(
                "{} leaves no room for records in a window of {}, groups of {} and segments of {}",
                self.start_reserve_bytes, self.window_bytes, self.group_bytes_max, self.segment_bytes
            );
            return wrong("start_reserve_bytes", reason);
        }
        Ok(())
    }
}
