//! How far playing is, for people: a bar on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::{bytes, counted, length_ms, warn};

/// How often a line is printed where no bar can be.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How often the bar is changed.
const BAR_INTERVAL: Duration = Duration::from_millis(125);

/// A bar on stderr, or lines, measured in bytes of what is played.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    is_quiet: bool,
    began: Instant,
    shown: Instant,
    records: u64,
}

impl Progress {
    /// A bar without a length.
    /// Beside lines on the same terminal nothing is shown.
    pub fn new(is_beside_lines: bool) -> Progress {
        let is_quiet = is_beside_lines && io::stdout().is_terminal();
        let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(style());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Progress { bar, is_quiet, began: Instant::now(), shown: Instant::now(), records: 0 }
    }

    /// Another record was played. `how_far` is asked for the bytes played so far, and for all bytes, where that is shown.
    pub fn passed(&mut self, how_far: impl FnOnce() -> (u64, u64)) {
        self.records += 1;
        self.show(how_far);
    }

    /// Shows how far playing is, if it is time to.
    pub fn show(&mut self, how_far: impl FnOnce() -> (u64, u64)) {
        // Asking for the time with each record would cost more than some destinations do.
        if self.is_quiet || (self.records % 64 != 1 && self.records > 64) {
            return;
        }
        let interval = if self.bar.is_hidden() { LINE_INTERVAL } else { BAR_INTERVAL };
        if self.shown.elapsed() < interval {
            return;
        }
        self.shown = Instant::now();
        let (done, all) = how_far();
        if self.bar.is_hidden() {
            warn(&self.line(done, all));
        } else {
            self.bar.set_length(all);
            self.bar.set_position(done);
            self.bar.set_message(counted(self.records, "record"));
        }
    }

    fn line(&self, done: u64, all: u64) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        let share = if all > 0 { done as f64 / all as f64 } else { 0.0 };
        let left = if share > 0.0 {
            length_ms((seconds * 1000.0 * (1.0 - share) / share) as u64)
        } else {
            "unknown".to_owned()
        };
        format!(
            "replay: {:.0}% of {}, {}, {}/s, {} left",
            share * 100.0,
            bytes(all),
            counted(self.records, "record"),
            bytes((done as f64 / seconds.max(0.001)) as u64),
            left,
        )
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
pub fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{elapsed_precise} [{bar:30}] {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {msg}  ETA {eta}",
    )
    .expect("a test parses this template")
    .progress_chars("=> ")
}
