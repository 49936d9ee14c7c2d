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
pub struct Place(u32, u32);

impl Place {
    /// The first of all.
    pub const FIRST: Place = Place(0, 0);
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
    pub fn find(&mut self, key: u64, now_ns: u64) -> Place {
        let at = (spread(key ^ self.seed) & self.mask) as u32;
        let set = &mut self.sets[at as usize];
        if let Some(way) = set.iter().position(|words| words[KEY] == key) {
            return Place(at, way as u32);
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
        Place(at, best.0 as u32)
    }

    /// What stands there. A place is good until the next [`Buckets::find`].
    pub fn at(&mut self, place: Place) -> Entry<'_> {
        Entry(&mut self.sets[place.0 as usize][place.1 as usize])
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
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn use_until(map: &mut Buckets, key: u64, now_ns: u64, full_at_ns: u64) {
        let place = map.find(key, now_ns);
        map.at(place).set_full_at_ns(0, full_at_ns);
    }

    fn full_at(map: &mut Buckets, key: u64, now_ns: u64) -> u64 {
        let place = map.find(key, now_ns);
        map.at(place).full_at_ns(0)
    }

    #[test]
    fn the_map_has_its_size_and_never_another() {
        let mut map = Buckets::new(1000, 7, 0);
        assert_eq!(map.capacity(), 1024);
        for key in 0..1_000_000 {
            use_until(&mut map, key, NOW, NOW + 10);
        }
        assert_eq!(map.capacity(), 1024);
        let kept = (0..1_000_000).filter(|&key| {
            let at = (spread(key ^ 7) & map.mask) as usize;
            map.sets[at].iter().any(|words| words[KEY] == key && words[FULL_AT] > 0)
        });
        assert!(kept.count() <= 1024);
    }

    #[test]
    fn a_flood_of_keys_does_not_make_a_debt_forgotten() {
        let mut map = Buckets::new(64, 7, 0);
        use_until(&mut map, 42, NOW, NOW + 1_000_000);
        for key in 1_000..100_000 {
            use_until(&mut map, key, NOW, NOW + 10);
        }
        assert_eq!(full_at(&mut map, 42, NOW), NOW + 1_000_000);
    }

    #[test]
    fn a_full_bucket_is_forgotten_first() {
        let mut map = Buckets::new(WAYS, 7, 0);
        for key in 1..=WAYS as u64 {
            use_until(&mut map, key, NOW, NOW + key);
        }
        use_until(&mut map, 99, NOW + 1, NOW + 500);
        assert_eq!(full_at(&mut map, 99, NOW + 1), NOW + 500);
        let left = (2..=WAYS as u64).filter(|&key| full_at(&mut map, key, NOW + 1) == NOW + key).count();
        assert_eq!(left, WAYS - 1, "only key 1 was full");
    }

    #[test]
    fn a_note_of_a_refusal_is_kept_for_its_time() {
        let mut map = Buckets::new(WAYS, 7, 100);
        let place = map.find(1, NOW);
        map.at(place).set_refused_since_ns(NOW);
        for key in 100..200 {
            use_until(&mut map, key, NOW, NOW + 10);
        }
        let place = map.find(1, NOW);
        assert_eq!(map.at(place).refused_since_ns(), NOW);
        for key in 200..220 {
            use_until(&mut map, key, NOW + 200, NOW + 300);
        }
        let place = map.find(1, NOW + 200);
        assert_eq!(map.at(place).refused_since_ns(), 0, "it was free to be forgotten");
    }

    #[test]
    fn key_zero_is_a_key_like_others() {
        let mut map = Buckets::new(64, 7, 0);
        use_until(&mut map, 0, NOW, NOW + 5);
        assert_eq!(full_at(&mut map, 0, NOW), NOW + 5);
    }
}
