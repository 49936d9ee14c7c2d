//! The progress bar of a replay.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::error::CliError;
use crate::log::format::record::Record;
use crate::log::read::reader::LogReader;

/// A bar on stderr, shown only on a terminal, measured in bytes of the log.
pub struct Progress {
    bar: ProgressBar,
    /// How far each segment has been read, by core and id.
    ends: HashMap<(u16, u64), u64>,
    batches: u64,
}

impl Progress {
    /// A bar as long as the log is now; if the log grows meanwhile, the bar's end moves.
    pub fn new(reader: &LogReader) -> Result<Progress, CliError> {
        let total: u64 = reader.segments()?.iter().map(|segment| segment.bytes).sum();
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
        bar.set_style(style());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Ok(Progress { bar, ends: HashMap::new(), batches: 0 })
    }

    /// Notes that the reader has passed this record.
    pub fn passed(&mut self, record: &Record<'_>) {
        let end = record.id.offset + record.payload.len() as u64;
        let known = self.ends.entry((record.id.core, record.id.segment)).or_insert(0);
        self.bar.inc(end.saturating_sub(*known));
        *known = end.max(*known);
        self.batches += 1;
        if self.batches % 256 == 1 {
            self.bar.set_message(format!("{} records", self.batches));
            if self.bar.length().is_some_and(|length| length < self.bar.position()) {
                self.bar.set_length(self.bar.position());
            }
        }
    }

    /// Prints a remark above the bar.
    pub fn remark(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The bar's style.
pub(super) fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{elapsed_precise} [{bar:30}] {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {msg}  ETA {eta}",
    )
    .expect("a test parses this template")
    .progress_chars("=> ")
}
