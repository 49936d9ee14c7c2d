//! Who waits for what, and who is to be woken.
//!
//! Whoever uses something up (the window, what is formatted, the next segment) wakes the thread that makes it, early enough that the making is
//! hidden; whoever has made something wakes the writer that waits for it. The threads have timers besides. Those are a net: what they
//! catch is counted, because each catch is a writer that stood still for nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

/// What a writer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::log) enum For {
    /// The window to move on.
    Window = 1,
    /// A segment to go on to.
    Segment = 2,
    /// Groups that are on their way.
    Groups = 3,
    /// The sealer, which is far behind.
    Sealer = 4,
    /// Space on the disk, which others may give back without telling.
    Space = 5,
}

/// What the writer of a core waits for, if it waits.
#[derive(Debug, Default)]
pub(in crate::log) struct Wait(AtomicU8);

impl Wait {
    /// To be called before the writer's last look: who makes room after that look sees it waiting.
    pub(in crate::log) fn begin(&self, what: For) {
        self.0.store(what as u8, Ordering::SeqCst);
    }

    /// True if the writer was waiting.
    pub(in crate::log) fn end(&self) -> bool {
        self.0.swap(0, Ordering::SeqCst) != 0
    }

    pub(in crate::log) fn what(&self) -> Option<For> {
        [For::Window, For::Segment, For::Groups, For::Sealer, For::Space]
            .into_iter()
            .find(|&what| what as u8 == self.0.load(Ordering::SeqCst))
    }
}

/// A thread that sleeps until it is woken, or a timer runs out.
#[derive(Debug, Default)]
pub(in crate::log) struct Sleeper {
    thread: OnceLock<Thread>,
    due: AtomicBool,
}

impl Sleeper {
    /// The calling thread is the one that sleeps here.
    pub(in crate::log) fn set_thread(&self) {
        let _ = self.thread.set(thread::current());
    }

    pub(in crate::log) fn wake(&self) {
        self.due.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Sleeps for `pause` at most. True if somebody called.
    pub(in crate::log) fn sleep(&self, pause: Duration) -> bool {
        if !pause.is_zero() && !self.due.load(Ordering::SeqCst) {
            thread::park_timeout(pause);
        }
        self.due.swap(false, Ordering::SeqCst)
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
    fn a_wait_ends_once() {
        let wait = Wait::default();
        assert_eq!(wait.what(), None);
        wait.begin(For::Sealer);
        assert_eq!(wait.what(), Some(For::Sealer));
        assert!(wait.end());
        assert!(!wait.end());
    }
}
