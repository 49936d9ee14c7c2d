//! Texts, each once.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Texts that are told by numbers, from 0 in the order in which they were first added.
#[derive(Debug, Default)]
pub(super) struct TextSet {
    all: String,
    /// Where each text ends in `all`; it begins where the one before it ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl TextSet {
    /// The text's number. It is added if it is new.
    pub(super) fn add(&mut self, text: &str) -> u32 {
        let Self { all, ends, numbers, hasher } = self;
        let get = |number: u32| bytes_of(all, ends, number);
        let hash = hasher.hash_one(text.as_bytes());
        if let Some(&number) = numbers.find(hash, |&number| get(number) == text.as_bytes()) {
            return number;
        }
        let number = u32::try_from(ends.len()).unwrap_or_else(|_| unreachable!("a chunk has fewer rows"));
        numbers.insert_unique(hash, number, |&number| hasher.hash_one(get(number)));
        all.push_str(text);
        ends.push(all.len());
        number
    }

    /// The text that has this number.
    pub(super) fn get(&self, number: u32) -> &str {
        let (from, to) = place_of(&self.ends, number);
        &self.all[from..to]
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn place_of(ends: &[usize], number: u32) -> (usize, usize) {
    let number = number as usize;
    (number.checked_sub(1).map_or(0, |before| ends[before]), ends[number])
}

fn bytes_of<'a>(all: &'a str, ends: &[usize], number: u32) -> &'a [u8] {
    let (from, to) = place_of(ends, number);
    &all.as_bytes()[from..to]
}

#[cfg(test)]
mod tests;
