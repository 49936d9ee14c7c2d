//! Waiting, with an end to it.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that should be quick. A debug build on a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `done` returns something, for at most `patience`.
#[track_caller]
pub fn wait_for<T>(what: &str, patience: Duration, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "waited {patience:?} in vain for: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
