//! The buckets of one kind of thing (addresses, sessions, projects): a map of a fixed size, made once.
//!
//! It is set-associative, like a processor's cache: a key has [`WAYS`] places, found by a hash that is seeded at random, so
//! that nobody can choose keys which push each other out. A bucket that is full again is the same as none, so its place is
//! free without anybody's clearing it. Where all places are in use, the one that would be free soonest is taken: whoever
//! fills the map with keys that were used once pushes out such keys, and not the debt of one that was used hard. What is
//! forgotten that way is no more than what the set's least indebted key had used.

/// Places for a key.
pub const WAYS: usize = 8;

/// One thing's buckets, as words so that a map's memory comes zeroed from the system and costs nothing until it is used.
type Words = [u64; 2 + METERS];

/// Buckets that a thing has.
pub const METERS: usize = 3;

const KEY: usize = 0;
const SINCE: usize = 1;
const FULL_AT: usize = 2;

/// A map of buckets.
pub struct Buckets {
    sets: Box<[[Words; WAYS]]>,
    mask: u64,
    seed: u64,
    /// How long a note of [`Entry::refused_since_ns`] is worth keeping.
    note_ns: u64,
}

/// The place of a thing in its map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32, u32);

impl Slot {
    /// The first of all.
    pub const FIRST: Slot = Slot(0, 0);
}

impl Buckets {
    /// A map for at least `entries` things.
    pub fn new(entries: usize, seed: u64, note_ns: u64) -> Buckets {
        let sets = entries.div_ceil(WAYS).next_power_of_two();
        Buckets { sets: vec![[[0u64; 2 + METERS]; WAYS]; sets].into(), mask: sets as u64 - 1, seed, note_ns }
    }

    /// How many things it can remember.
    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// The place of `key`; a new one is full of tokens.
    pub fn find(&mut self, key: u64, now_ns: u64) -> Slot {
        let at = (spread(key ^ self.seed) & self.mask) as u32;
        let set = &mut self.sets[at as usize];
        if let Some(way) = set.iter().position(|words| words[KEY] == key) {
            return Slot(at, way as u32);
        }
        let mut best = (0, u64::MAX);
        for (way, words) in set.iter().enumerate() {
            let until = free_at(words, self.note_ns);
            if until < best.1 {
                best = (way, until);
            }
            if until <= now_ns {
                break;
            }
        }
        set[best.0] = [0; 2 + METERS];
        set[best.0][KEY] = key;
        Slot(at, best.0 as u32)
    }

    /// What stands there. A place is good until the next [`Buckets::find`].
    pub fn at(&mut self, slot: Slot) -> Entry<'_> {
        Entry(&mut self.sets[slot.0 as usize][slot.1 as usize])
    }
}

/// When a thing can be forgotten without harm.
fn free_at(words: &Words, note_ns: u64) -> u64 {
    let note = if words[SINCE] == 0 { 0 } else { words[SINCE].saturating_add(note_ns) };
    words[FULL_AT..].iter().copied().fold(note, u64::max)
}

/// Mixes a key (the finaliser of SplitMix64).
fn spread(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

/// The buckets of one thing.
pub struct Entry<'a>(&'a mut Words);

impl Entry<'_> {
    /// When bucket `meter` is full again.
    pub fn full_at_ns(&self, meter: usize) -> u64 {
        self.0[FULL_AT + meter]
    }

    /// Makes a charge.
    pub fn set_full_at_ns(&mut self, meter: usize, full_at_ns: u64) {
        self.0[FULL_AT + meter] = full_at_ns;
    }

    /// Since when it has been refused without once being served; 0 if it was not.
    pub fn refused_since_ns(&self) -> u64 {
        self.0[SINCE]
    }

    /// Notes that, or that it is over.
    pub fn set_refused_since_ns(&mut self, since_ns: u64) {
        self.0[SINCE] = since_ns;
    }
}

#[cfg(test)]
mod tests;
