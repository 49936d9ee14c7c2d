//! The buckets of one kind of subject (addresses, sessions or projects): a map of fixed size, allocated once.
//!
//! It is set-associative, like a processor's cache: a key may stand in one of [`WAYS`] slots, found by a hash with a random seed, so that
//! nobody can choose keys that evict each other. A bucket that is full again is the same as no bucket, so its slot is free without anybody
//! clearing it. If all slots of a set are in use, the one that would be free soonest is reused: an attacker who fills the map with keys
//! used once evicts other such keys, and not the debt of a heavily used one. What is forgotten this way is never more than what the least
//! indebted key of the set had used.

/// Slots for a key.
pub const WAYS: usize = 8;

/// The buckets of one subject, as plain words, so that the map's memory comes zeroed from the system and costs nothing until it is used.
type Words = [u64; 2 + METERS];

/// Buckets per subject.
pub const METERS: usize = 3;

const KEY: usize = 0;
const SINCE: usize = 1;
const FULL_AT: usize = 2;

/// A map of buckets.
pub struct Buckets {
    sets: Box<[[Words; WAYS]]>,
    mask: u64,
    seed: u64,
    /// How long [`Entry::refused_since_ns`] has to be remembered.
    note_ns: u64,
}

/// The slot of a subject in its map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32, u32);

impl Buckets {
    /// A map for at least `entries` subjects.
    pub fn new(entries: usize, seed: u64, note_ns: u64) -> Buckets {
        let sets = entries.div_ceil(WAYS).next_power_of_two();
        Buckets { sets: vec![[[0u64; 2 + METERS]; WAYS]; sets].into(), mask: sets as u64 - 1, seed, note_ns }
    }

    /// How many subjects it can hold.
    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// The slot of `key`. A new entry has full buckets.
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

    /// The entry in a slot. A slot is valid until the next [`Buckets::find`].
    pub fn at(&mut self, slot: Slot) -> Entry<'_> {
        Entry(&mut self.sets[slot.0 as usize][slot.1 as usize])
    }
}

/// When an entry can be forgotten without harm.
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

/// The buckets of one subject.
pub struct Entry<'a>(&'a mut Words);

impl Entry<'_> {
    /// When bucket `meter` is full again.
    pub fn full_at_ns(&self, meter: usize) -> u64 {
        self.0[FULL_AT + meter]
    }

    /// Applies a charge.
    pub fn set_full_at_ns(&mut self, meter: usize, full_at_ns: u64) {
        self.0[FULL_AT + meter] = full_at_ns;
    }

    /// Since when it has been refused without being served once; 0 if it has not.
    pub fn refused_since_ns(&self) -> u64 {
        self.0[SINCE]
    }

    /// Sets that; 0 clears it.
    pub fn set_refused_since_ns(&mut self, since_ns: u64) {
        self.0[SINCE] = since_ns;
    }
}

#[cfg(test)]
mod tests;
