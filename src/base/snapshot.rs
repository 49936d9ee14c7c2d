//! A value that many threads read and one replaces as a whole: the current settings, the current projects.
//!
//! A reader keeps its own copy ([`Copied`]) together with the version that it was made from. It checks the version before each use, which is
//! one atomic load, and takes the lock only when the version has changed: once per change, never once per request.
//!
//! Invariant: by the time a thread acts on a value, its version is visible to every thread. A request caused by another request, on
//! whichever thread, never uses an older value than that one did. This is why the value and its version are read under the same lock: a
//! value taken before its version is published could be acted on while other threads still use the previous one.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The current value and its version.
#[derive(Debug)]
pub struct Snapshot<T> {
    /// Changes only under the lock of `current`.
    version: AtomicU64,
    current: Mutex<Arc<T>>,
}

impl<T> Snapshot<T> {
    /// Starts with this value, as version 1.
    pub fn new(value: impl Into<Arc<T>>) -> Self {
        Self { version: AtomicU64::new(1), current: Mutex::new(value.into()) }
    }

    /// The version of the current value: the first is 1, and each replacement adds one.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The current value. Holds a lock while it increments the reference count.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.lock())
    }

    /// The current value and its version.
    fn versioned(&self) -> (u64, Arc<T>) {
        let current = self.lock();
        (self.version(), Arc::clone(&current))
    }

    /// Replaces the value, and returns the new version.
    pub fn replace(&self, value: impl Into<Arc<T>>) -> u64 {
        let value = value.into();
        let mut current = self.lock();
        // The old value is dropped after the lock is released: it may be large.
        let old = std::mem::replace(&mut *current, value);
        let version = self.version.fetch_add(1, Ordering::Release) + 1;
        drop(current);
        drop(old);
        version
    }

    /// Nothing is ever left half done under this lock, so it is safe to ignore poisoning by a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, Arc<T>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's copy of a [`Snapshot`]'s value, as a `C` made from it: a deep copy if it is read often, or the `Arc` itself. Handing it out
/// increments a reference count that no other thread touches.
#[derive(Debug)]
pub struct Copied<C> {
    version: u64,
    value: Rc<C>,
}

impl<C> Copied<C> {
    /// Copies the current value.
    pub fn of<T>(snapshot: &Snapshot<T>, copy: impl FnOnce(Arc<T>) -> C) -> Self {
        let (version, value) = snapshot.versioned();
        Self { version, value: Rc::new(copy(value)) }
    }

    /// Copies the current value if it has changed since this copy was made. Returns whether it had.
    #[inline]
    pub fn refresh<T>(&mut self, snapshot: &Snapshot<T>, copy: impl FnOnce(Arc<T>) -> C) -> bool {
        let moved = snapshot.version() != self.version;
        if moved {
            *self = Self::of(snapshot, copy);
        }
        moved
    }

    /// The copy, as of the last [`Copied::refresh`].
    #[inline]
    pub fn value(&self) -> Rc<C> {
        Rc::clone(&self.value)
    }

    /// The version that the copy was made from.
    pub fn version(&self) -> u64 {
        self.version
    }
}

#[cfg(test)]
mod tests;
