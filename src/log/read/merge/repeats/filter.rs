//! Which keys the window may hold, in little memory: most records are no repeats, and this tells so without a look at the window's table,
//! which is too large for a processor's cache.
//!
//! A Bloom filter whose bits for one key all lie in one word. Keys can't be taken out of one, so there are two, a young and an old one side by
//! side: keys enter the young one, and when that has as many as the window holds at most, the old one is emptied and they change places. The
//! last that many keys are therefore always in one of them, and what is older is forgotten after at most that many more.

use std::hint::black_box;

/// Keys for each word of a filter that is full. With three bits a key about one word in fifty then says yes to a key that it never got.
const KEYS_PER_WORD: usize = 5;

/// Keys that entered lately.
#[derive(Debug, Clone)]
pub(super) struct RecentKeys {
    /// The two filters, word by word, so that a look at both is one look at memory.
    words: Vec<[u64; 2]>,
    /// Which of the two is the young one.
    young: usize,
    /// Keys in the young one.
    count: usize,
    /// So many keys are remembered at least.
    keys: usize,
}

impl RecentKeys {
    /// One that remembers the last `keys` keys.
    pub(super) fn new(keys: usize) -> RecentKeys {
        RecentKeys { words: vec![[0; 2]; keys / KEYS_PER_WORD + 1], young: 0, count: 0, keys }
    }

    /// Whether the key may be one of those. False is certain.
    #[inline]
    pub(super) fn may_hold(&self, key: u64) -> bool {
        let (word, bits) = (self.words[self.place(key)], bits(key));
        word[0] & bits == bits || word[1] & bits == bits
    }

    /// Brings what is looked at for these keys into the cache, without waiting for one before the next.
    pub(super) fn touch(&self, keys: impl Iterator<Item = u64>) {
        black_box(keys.fold(0, |all, key| all ^ self.words[self.place(key)][0]));
    }

    /// Remembers a key.
    #[inline]
    pub(super) fn enter(&mut self, key: u64) {
        if self.count == self.keys {
            self.turn();
        }
        let (at, young) = (self.place(key), self.young);
        self.words[at][young] |= bits(key);
        self.count += 1;
    }

    fn turn(&mut self) {
        self.young ^= 1;
        self.count = 0;
        for word in &mut self.words {
            word[self.young] = 0;
        }
    }

    /// The upper half of the key, scaled to the number of words.
    #[inline]
    fn place(&self, key: u64) -> usize {
        (((key >> 32) * self.words.len() as u64) >> 32) as usize
    }
}

/// Three bits, chosen by the lower half of the key.
#[inline]
fn bits(key: u64) -> u64 {
    1 << (key & 63) | 1 << (key >> 6 & 63) | 1 << (key >> 12 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys as a good hash makes them.
    fn key(number: u64) -> u64 {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31)
    }

    #[test]
    fn the_last_keys_are_always_remembered() {
        for keys in [1, 2, 7, 64, 1000] {
            let mut recent = RecentKeys::new(keys);
            for number in 0..5 * keys as u64 {
                recent.enter(key(number));
                let oldest = (number + 1).saturating_sub(keys as u64);
                assert!((oldest..=number).all(|number| recent.may_hold(key(number))), "{keys} keys, {number}");
            }
        }
    }

    #[test]
    fn few_other_keys_are_taken_for_one_of_them_however_many_came() {
        let keys = 1 << 14;
        let mut recent = RecentKeys::new(keys);
        for number in 0..10 * keys as u64 - 1 {
            recent.enter(key(number));
        }
        let others = 1_000_000..1_100_000;
        let wrong = others.clone().filter(|&other| recent.may_hold(key(other))).count();
        assert!(wrong * 20 < others.count(), "{wrong} of 100,000, with both filters full");
    }
}
