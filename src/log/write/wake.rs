//! Who waits for what, and whom to wake.
//!
//! A thread that uses something up (the window, formatted pages, the next segment) wakes the thread that makes more, early enough to hide the
//! work; a thread that has made something wakes the writer that waits for it. The threads have timers as well, but only as a safety net:
//! whatever a timer catches is counted, because it means that a writer stood still for nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// What a writer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::log) enum For {
    /// The window to move on.
    Window = 1,
    /// A next segment.
    Segment = 2,
    /// Groups in flight.
    Groups = 3,
    /// The sealer, which is far behind.
    Sealer = 4,
    /// Space on the disk, which other programs may free without notice.
    Space = 5,
    /// The hasher, which still needs the memory that would be filled next.
    Hasher = 6,
}

impl For {
    /// All of them.
    pub(in crate::log) const ALL: [For; 6] =
        [For::Window, For::Segment, For::Groups, For::Sealer, For::Space, For::Hasher];

    /// Their names, in the same order.
    pub(in crate::log) const NAMES: [&str; 6] = ["window", "segment", "groups", "sealer", "space", "hasher"];
}

/// What a core's writer waits for, if anything.
#[derive(Debug, Default)]
pub(in crate::log) struct Wait(AtomicU8);

impl Wait {
    /// Call before the writer's last check: anyone who makes room after that check then sees it waiting.
    pub(in crate::log) fn begin(&self, what: For) {
        self.0.store(what as u8, Ordering::SeqCst);
    }

    /// True if the writer was waiting.
    pub(in crate::log) fn end(&self) -> bool {
        self.0.swap(0, Ordering::SeqCst) != 0
    }

    pub(in crate::log) fn what(&self) -> Option<For> {
        For::ALL.into_iter().find(|&what| what as u8 == self.0.load(Ordering::SeqCst))
    }
}

/// A thread that sleeps until it is woken or a timer expires.
#[derive(Debug, Default)]
pub(in crate::log) struct Sleeper {
    thread: OnceLock<Thread>,
    due: AtomicBool,
}

impl Sleeper {
    /// Makes the calling thread the one that sleeps here.
    pub(in crate::log) fn set_thread(&self) {
        let _ = self.thread.set(thread::current());
    }

    pub(in crate::log) fn wake(&self) {
        self.due.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Sleeps for at most `pause`. True if it was woken.
    pub(in crate::log) fn sleep(&self, pause: Duration) -> bool {
        let begun = Instant::now();
        loop {
            if self.due.swap(false, Ordering::SeqCst) {
                return true;
            }
            let left = pause.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return false;
            }
            // This returns at once where an earlier call was noticed before the thread had parked: that is no timer.
            thread::park_timeout(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_before_the_sleep_is_not_lost_and_a_timer_is_no_call() {
        let sleeper = Sleeper::default();
        sleeper.wake();
        assert!(sleeper.sleep(Duration::from_secs(60)));
        assert!(!sleeper.sleep(Duration::from_millis(1)));
    }

    #[test]
    fn a_call_that_was_noticed_cuts_no_later_sleep_short() {
        let sleeper = Sleeper::default();
        sleeper.set_thread();
        sleeper.wake();
        assert!(sleeper.sleep(Duration::from_secs(60)));
        let begun = Instant::now();
        assert!(!sleeper.sleep(Duration::from_millis(30)));
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn a_wait_ends_once() {
        let wait = Wait::default();
        assert_eq!(wait.what(), None);
        wait.begin(For::Sealer);
        assert_eq!(wait.what(), Some(For::Sealer));
        assert!(wait.end());
        assert!(!wait.end());
    }
}
