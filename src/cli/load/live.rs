//! How a run goes: one line that changes on a terminal, a line every few seconds elsewhere.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::{bytes, length_us, thousands};
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
    ProgressStyle::with_template("{elapsed_precise} [{bar:10}] {wide_msg}")
        .expect("a test parses this template")
        .progress_chars("=> ")
}

/// The last second. What matters most comes first: a narrow terminal cuts the end off.
fn line(progress: &Progress<'_>) -> String {
    let second = &progress.second.counts;
    let times: &Times = &progress.second.batches;
    // A second without batches has no latency.
    let latency = |quantile| if times.count() == 0 { "-".to_owned() } else { length_us(times.at(quantile)) };
    let mut text = String::new();
    if progress.counts.trackers_lost > 0 {
        text.push_str(&format!("TRACKERS LOST {}  ", thousands(progress.counts.trackers_lost)));
    }
    text.push_str(&format!(
        "errors {}  {} open  {} req/s  p50 {}  p99 {}  {}/s",
        thousands(progress.counts.errors()),
        thousands(progress.open),
        thousands(second.requests),
        latency(0.5),
        latency(0.99),
        bytes(second.bytes),
    ));
    text
}

#[cfg(test)]
mod tests;
