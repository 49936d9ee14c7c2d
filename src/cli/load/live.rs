//! How a run goes: one line that changes on a terminal, a line every few seconds elsewhere.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::{bytes, thousands};
use crate::load::{Progress, Times};

use super::args::LoadArgs;

/// How often a line is written where nobody may be watching.
const EVERY: Duration = Duration::from_secs(5);

/// How a run goes, on stderr.
pub struct Live {
    bar: Option<ProgressBar>,
    told: Cell<Duration>,
}

impl Live {
    /// Shows nothing yet.
    pub fn new(args: &LoadArgs) -> Live {
        let bar = std::io::stderr().is_terminal().then(|| {
            let seconds = args.duration.as_secs().max(1);
            let bar = ProgressBar::with_draw_target(Some(seconds), ProgressDrawTarget::stderr_with_hz(8));
            bar.set_style(style());
            bar
        });
        Live { bar, told: Cell::new(Duration::ZERO) }
    }

    /// Shows the last second.
    pub fn show(&self, progress: &Progress<'_>) {
        let text = line(progress);
        match &self.bar {
            Some(bar) => {
                bar.set_position(progress.elapsed.as_secs());
                bar.set_message(text);
            }
            None if progress.elapsed >= self.told.get() + EVERY => {
                self.told.set(progress.elapsed);
                // A closed stderr is no reason to stop.
                let _ = writeln!(std::io::stderr(), "{:>5} s  {text}", progress.elapsed.as_secs());
            }
            None => {}
        }
    }

    /// Removes the line that changes.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The style of the line.
pub(super) fn style() -> ProgressStyle {
    ProgressStyle::with_template("{elapsed_precise} [{bar:20}] {wide_msg}")
        .expect("a test parses this template")
        .progress_chars("=> ")
}

fn line(progress: &Progress<'_>) -> String {
    let second = &progress.second.counts;
    let times: &Times = &progress.second.batches;
    let mut text = format!(
        "{} open  {} req/s  {}/s  p50 {}  p99 {}  errors {}",
        thousands(progress.open),
        thousands(second.requests),
        bytes(second.bytes),
        time(times.at(0.5)),
        time(times.at(0.99)),
        thousands(progress.counts.errors()),
    );
    if progress.counts.trackers_lost > 0 {
        text.push_str(&format!("  TRACKERS LOST {}", thousands(progress.counts.trackers_lost)));
    }
    text
}

/// A time in microseconds, to three digits.
pub fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{:.2} ms", us as f64 / 1e3),
        10_000..100_000 => format!("{:.1} ms", us as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} ms", us as f64 / 1e3),
        1_000_000..10_000_000 => format!("{:.2} s", us as f64 / 1e6),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests;
