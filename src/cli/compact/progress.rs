//! The progress bar of a compaction.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::error::CliError;
use crate::log::format::record::Record;
use crate::log::read::merge::MergePosition;
use crate::log::read::reader::LogReader;

/// A bar on stderr, shown only on a terminal, measured in bytes of the log.
pub(super) struct Progress {
    bar: ProgressBar,
    /// How far each segment has been read, by core and id.
    ends: HashMap<(u16, u64), u64>,
    records: u64,
}

impl Progress {
    /// A bar as long as the log is after `from` now; if the log grows meanwhile, the bar's end moves.
    pub(super) fn new(reader: &LogReader, from: Option<&MergePosition>) -> Result<Self, CliError> {
        let mut ends = HashMap::new();
        let mut total = 0;
        for segment in reader.segments()? {
            let place = from.and_then(|from| from.cores.get(&segment.core)).copied();
            let passed = match place {
                Some(place) if segment.id < place.segment => segment.bytes,
                Some(place) if segment.id == place.segment => place.offset,
                _ => 0,
            };
            total += segment.bytes.saturating_sub(passed);
            ends.insert((segment.core, segment.id), passed);
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
        bar.set_style(style());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Ok(Self { bar, ends, records: 0 })
    }

    /// This record was read.
    pub(super) fn passed(&mut self, record: &Record<'_>) {
        let end = record.id.offset + record.payload.len() as u64;
        let known = self.ends.entry((record.id.core, record.id.segment)).or_insert(0);
        self.bar.inc(end.saturating_sub(*known));
        *known = end.max(*known);
        self.records += 1;
        if self.records % 256 == 1 {
            self.bar.set_message(format!("{} records", self.records));
            if self.bar.length().is_some_and(|length| length < self.bar.position()) {
                self.bar.set_length(self.bar.position());
            }
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for the copy in an object store, measured in bytes of files.
#[cfg(feature = "object-store")]
pub(super) struct CopyProgress {
    bar: ProgressBar,
}

#[cfg(feature = "object-store")]
impl CopyProgress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        bar.set_style(style());
        Self { bar }
    }

    /// So much is to be uploaded.
    pub(super) fn plan(&self, files: u64, bytes: u64) {
        self.bar.reset();
        self.bar.set_length(bytes);
        self.bar.set_message(format!("{files} files"));
    }

    /// So many bytes more are there.
    pub(super) fn moved(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Prints a remark above the bar.
    pub(super) fn remark(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{elapsed_precise} [{bar:30}] {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {msg}  ETA {eta}",
    )
    .expect("a test parses this template")
    .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_valid() {
        super::style();
    }
}
