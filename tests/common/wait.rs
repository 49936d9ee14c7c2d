//! Waiting, with an end to it.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that should be quick. A debug build on a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until `done` returns something, for at most `patience`.
#[track_caller]
pub fn wait_for<T>(what: &str, patience: Duration, done: impl FnMut() -> Option<T>) -> T {
    wait_for_or_say(what, patience, done, String::new)
}

/// The same. What `say` returns is printed if it was in vain.
#[track_caller]
pub fn wait_for_or_say<T>(
    what: &str,
    patience: Duration,
    mut done: impl FnMut() -> Option<T>,
    say: impl FnOnce() -> String,
) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(value) = done() {
            return value;
        }
        if Instant::now() >= end {
            panic!("waited {patience:?} in vain for: {what}\n{}", say());
        }
        thread::sleep(Duration::from_millis(5));
    }
}
