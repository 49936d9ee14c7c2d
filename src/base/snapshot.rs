//! A value that many threads read and one replaces as a whole: the settings of now, the projects of now.
//!
//! A reader keeps a copy of its own ([`Copied`]) together with the version that it was made from. It asks for the version before each
//! use, which is one load of an atomic, and takes the lock only when the version has moved: once a change, never once a request.
//!
//! Invariant: who acts by a value has made its version visible to everybody. A request that follows from another one, on whichever
//! thread, never goes by an older value than that one did. This is why the value and its version are read under the same lock: a value
//! taken before its version is published could be acted on while others still go by the one before.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The value of now, and how many there have been.
#[derive(Debug)]
pub struct Snapshot<T> {
    /// Changes only under the lock of `current`.
    version: AtomicU64,
    current: Mutex<Arc<T>>,
}

impl<T> Snapshot<T> {
    /// Begins with this value, as version 1.
    pub fn new(value: impl Into<Arc<T>>) -> Self {
        Self { version: AtomicU64::new(1), current: Mutex::new(value.into()) }
    }

    /// The number of the value of now: 1 is the first one, and each replacement counts one up.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The value of now. Takes a lock for as long as it takes to count a reference.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.lock())
    }

    /// The value of now and its version.
    fn versioned(&self) -> (u64, Arc<T>) {
        let current = self.lock();
        (self.version(), Arc::clone(&current))
    }

    /// Puts `value` in the place of the old one, and returns its version.
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

    /// Nothing is ever left half done under this lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Arc<T>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's copy of a [`Snapshot`]'s value, as a `C` that it makes from it: a deep copy where that is read often, or the `Arc`
/// itself. Giving it out counts a reference that no other thread touches.
#[derive(Debug)]
pub struct Copied<C> {
    version: u64,
    value: Rc<C>,
}

impl<C> Copied<C> {
    /// Copies the value of now.
    pub fn of<T>(snapshot: &Snapshot<T>, copy: impl FnOnce(Arc<T>) -> C) -> Self {
        let (version, value) = snapshot.versioned();
        Self { version, value: Rc::new(copy(value)) }
    }

    /// Copies the value of now if it is another one than this copy was made from. Returns whether it was.
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
