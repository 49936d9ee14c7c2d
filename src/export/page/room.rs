//! How much the descriptions of pages may take: each, and all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is taken from the common room at a time, so that nodes do not cost a shared counter.
const PIECE_BYTES: usize = 64 << 10;
/// This much unused goes back to it.
const IDLE_BYTES: usize = 4 * PIECE_BYTES;

/// Room for the description of a page. Copies share what is common.
#[derive(Debug, Clone)]
pub struct Room {
    each: usize,
    common: Option<Arc<Common>>,
}

#[derive(Debug)]
struct Common {
    bytes_max: usize,
    used: AtomicUsize,
    has_refused: AtomicBool,
}

impl Room {
    /// So many bytes for each page.
    pub fn of(each: usize) -> Room {
        Room { each, common: None }
    }

    /// The same, and so many for all pages that use this room or a copy of it.
    pub fn shared(each: usize, bytes_max: usize) -> Room {
        Room {
            each,
            common: Some(Arc::new(Common {
                bytes_max,
                used: AtomicUsize::new(0),
                has_refused: AtomicBool::new(false),
            })),
        }
    }

    /// Whether somebody was refused what the common room did not have any more.
    pub fn has_refused(&self) -> bool {
        self.common.as_ref().is_some_and(|common| common.has_refused.load(Ordering::Relaxed))
    }

    /// What is taken of the common room.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.common.as_ref().map_or(0, |common| common.used.load(Ordering::Relaxed))
    }
}

/// What one page has taken. It goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    room: Room,
    bytes: usize,
    granted: usize,
}

impl Taken {
    pub(crate) fn new(room: Room) -> Taken {
        Taken { room, bytes: 0, granted: 0 }
    }

    /// The same of another room, if that has so much.
    pub(super) fn of(&self, room: Room) -> Option<Taken> {
        let mut taken = Taken::new(room);
        taken.take(self.bytes).then_some(taken)
    }

    /// What one page may take in all.
    pub(super) fn each(&self) -> usize {
        self.room.each
    }

    /// Whether one page may take so much more.
    pub(super) fn may_take(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= self.room.each
    }

    /// Takes so much more, if there is room.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let taken = self.may_take(bytes) && self.grant(self.bytes + bytes);
        if taken {
            self.bytes += bytes;
        }
        taken
    }

    fn grant(&mut self, wanted: usize) -> bool {
        let Some(common) = self.room.common.as_ref().filter(|_| wanted > self.granted) else { return true };
        let granted = wanted.next_multiple_of(PIECE_BYTES);
        let more = granted - self.granted;
        let with_more = |used: usize| used.checked_add(more).filter(|used| *used <= common.bytes_max);
        let is_granted = common.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_more).is_ok();
        if is_granted {
            self.granted = granted;
        } else {
            common.has_refused.store(true, Ordering::Relaxed);
        }
        is_granted
    }

    /// Gives so much back.
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        let needed = self.bytes.next_multiple_of(PIECE_BYTES);
        if self.granted >= needed + IDLE_BYTES {
            self.release(needed);
        }
    }

    /// Gives all back but this much, which was taken before.
    pub(super) fn keep(&mut self, bytes: usize) {
        self.give_back(self.bytes.saturating_sub(bytes));
    }

    fn release(&mut self, granted: usize) {
        if let Some(common) = &self.room.common {
            common.used.fetch_sub(self.granted - granted, Ordering::Relaxed);
        }
        self.granted = granted;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.release(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_together_take_no_more_than_the_common_room_and_give_it_back() {
        let room = Room::shared(1 << 20, 2 << 20);
        let mut pages: Vec<Taken> = (0..8).map(|_| Taken::new(room.clone())).collect();
        for page in &mut pages {
            while page.take(10_000) {}
            assert!(page.bytes <= 1 << 20);
        }
        assert_eq!(pages.iter().map(|page| page.granted).sum::<usize>(), room.used());
        assert!(room.used() <= 2 << 20 && room.used() > (2 << 20) - 2 * PIECE_BYTES, "{}", room.used());
        assert!(!pages[7].take(1), "there is none left");
        // Of one that begins anew, others have the rest.
        pages[0].keep(20_000);
        assert_eq!((pages[0].bytes, pages[0].granted), (20_000, PIECE_BYTES));
        assert!(pages[7].take(500_000));
        drop(pages);
        assert_eq!(room.used(), 0);
    }

    #[test]
    fn a_page_alone_has_its_own_room() {
        let mut page = Taken::new(Room::of(1_000));
        assert!(page.take(900) && !page.take(101));
        page.give_back(1);
        assert!(page.take(101) && !page.may_take(1));
    }
}
