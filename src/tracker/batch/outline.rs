//! Where the messages stand in a batch that somebody looks at, found by ids and sizes alone.

use crate::tracker::catalogue::Era;
use crate::tracker::id_set::IdSet;

use super::{BatchReader, Framing, is_noted, read_batch, stands_unsized};

/// An outline of a batch. Its memory can be used for another.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    places: Vec<Place>,
    /// Messages after the last of those.
    rest: u64,
}

/// Where a message stands in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it begins, in bytes.
    pub(super) offset: usize,
    /// Messages between it and the place before.
    pub passed_over: u64,
}

impl Outline {
    /// Replaces the outline with that of a batch: its first message, those with these ids, and those that say something about the ones after
    /// them.
    ///
    /// Returns whether it has one: whether the batch is whole and read in the same way whichever era it is from, because its messages have
    /// sizes, and none has an id whose size depends on the era.
    pub fn read(&mut self, batch: &[u8], ids: IdSet) -> bool {
        self.places.clear();
        self.rest = 0;
        let mut reader = read_batch(batch, Era::Main).bodies_of(IdSet::NONE);
        if !matches!(reader.next(), Some(Ok(_))) || reader.framing != Framing::Sized {
            return false;
        }
        self.places.push(Place { offset: 0, passed_over: 0 });
        let mut cursor = reader.cursor;
        let mut passed_over = 0;
        while !cursor.at_end() {
            let offset = cursor.offset();
            let Ok(id) = cursor.uint() else { return false };
            let is_whole = cursor.size().and_then(|size| cursor.take(size as usize)).is_some();
            if !is_whole || stands_unsized(id, Era::Seed) {
                return false;
            }
            if ids.has(id) || is_noted(id) {
                self.places.push(Place { offset, passed_over });
                passed_over = 0;
            } else {
                passed_over += 1;
            }
        }
        self.rest = passed_over;
        true
    }

    /// The places, in their order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How many messages follow the last place.
    pub fn rest(&self) -> u64 {
        self.rest
    }
}

impl<'a> BatchReader<'a> {
    /// Reads the message at the next place of the batch's outline. Of the messages before it, only those at earlier places were read.
    #[inline]
    pub fn next_at(&mut self, place: Place) -> Option<<Self as Iterator>::Item> {
        self.cursor.go_to(place.offset);
        self.next_index = self.next_index.wrapping_add(place.passed_over);
        self.next()
    }
}
