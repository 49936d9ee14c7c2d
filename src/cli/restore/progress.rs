//! The progress bar of a restore.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on stderr, shown only on a terminal, measured in bytes of segments.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        bar.set_style(style());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self { bar }
    }

    /// So much will be there at the end.
    pub(super) fn plan(&self, segments: u64, bytes: u64) {
        self.bar.set_length(bytes);
        self.bar.set_message(format!("{segments} segments"));
    }

    /// So many bytes more are there.
    pub(super) fn moved(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// So many bytes come again.
    pub(super) fn again(&self, bytes: u64) {
        self.bar.set_position(self.bar.position().saturating_sub(bytes));
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
    fn the_template_of_the_bar_is_valid() {
        super::style();
    }
}
