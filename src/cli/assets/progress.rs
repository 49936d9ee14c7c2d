//! How far the fetching is.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::{plain, thousands};

/// The longest text of an address.
const TEXT_MAX: usize = 100;

/// A line on stderr, shown only on a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Shows nothing yet.
    pub(super) fn new() -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        bar.set_style(style());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Progress(bar)
    }

    /// A session's pages are looked through.
    pub(super) fn reads(&self, session: u64) {
        if !self.0.is_hidden() {
            self.0.set_message(format!("session {session}"));
        }
    }

    /// An address is asked for, while so many wait.
    pub(super) fn asks(&self, url: &str, waiting: u64) {
        if !self.0.is_hidden() {
            self.0.set_message(format!("{} more, {}", thousands(waiting), plain(url, TEXT_MAX)));
        }
    }

    /// Prints a remark above the line.
    pub(super) fn remark(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }

    /// Removes the line.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{elapsed_precise}  {wide_msg}").expect("a test parses this template")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_valid() {
        super::style();
    }
}
