//! The waker of a task that waits at one place, again and again.

use std::cell::RefCell;
use std::task::Waker;

/// Room for a task's waker.
#[derive(Default)]
pub struct WakerSlot(RefCell<Option<Waker>>);

impl WakerSlot {
    /// Remembers what wakes the task. It is cloned when it first comes, and when another task takes its place.
    ///
    /// [`Waker::will_wake`] would also compare the addresses of the two tables of functions. The runtime's are constants of a function that
    /// is inlined at more than one place, so there are several equal ones, and nearly each look would clone and drop. The data of the runtime's
    /// wakers is their task's address, and as long as a waker of it is here, no other task has that address.
    #[inline]
    pub fn register(&self, waker: &Waker) {
        let is_known = self.0.borrow().as_ref().is_some_and(|known| known.data() == waker.data());
        if !is_known {
            // Dropped when it is no longer borrowed: the last waker of a task that has ended drops the task, and what that holds.
            drop(self.0.replace(Some(waker.clone())));
        }
    }

    /// Wakes the task, if there is one.
    #[inline]
    pub fn wake(&self) {
        if let Some(waker) = &*self.0.borrow() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Task {
        wakes: AtomicUsize,
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.wakes.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_that_registers_again_and_again_is_held_once_and_woken() {
        let (slot, task) = (WakerSlot::default(), Arc::new(Task::default()));
        slot.wake();
        for _ in 0..3 {
            slot.register(&Waker::from(Arc::clone(&task)));
            assert_eq!(Arc::strong_count(&task), 2, "ours and the slot's");
        }
        slot.wake();
        assert_eq!(task.wakes.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_task_that_registered_last_is_woken_and_the_others_are_let_go() {
        let (slot, first, last) = (WakerSlot::default(), Arc::new(Task::default()), Arc::new(Task::default()));
        slot.register(&Waker::from(Arc::clone(&first)));
        slot.register(&Waker::from(Arc::clone(&last)));
        slot.wake();
        assert_eq!((first.wakes.load(Ordering::Relaxed), last.wakes.load(Ordering::Relaxed)), (0, 1));
        assert_eq!(Arc::strong_count(&first), 1, "the slot has let it go");
    }
}
