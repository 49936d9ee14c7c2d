//! What a text lacks of what is in force, and for how long it has been missing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A file unchanged for this long counts as at rest, however long the grace time is.
pub const REST_MAX: Duration = Duration::from_secs(10);

/// A text that has lost more than half of its contents must stay that way for this many times the grace time.
const MOST: u32 = 10;

/// How long `lost` of `all` things must be missing before their removal is certain.
pub fn needed(grace: Duration, lost: usize, all: usize) -> Duration {
    if lost * 2 > all && lost > 1 { grace * MOST } else { grace }
}

/// Things that are in force but not in the file, each with the moment when it was first missing.
#[derive(Debug, Clone)]
pub struct Losses<K> {
    since: BTreeMap<K, Instant>,
}

impl<K: Ord + Clone> Default for Losses<K> {
    fn default() -> Self {
        Self { since: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Losses<K> {
    /// Notes what a text lacks, and forgets what is back. Returns whether anything is newly missing.
    pub fn note(&mut self, lacking: impl IntoIterator<Item = K>, now: Instant) -> bool {
        let before = std::mem::take(&mut self.since);
        let since = |key: K| {
            let since = before.get(&key).copied().unwrap_or(now);
            (key, since)
        };
        self.since = lacking.into_iter().map(since).collect();
        self.since.keys().any(|key| !before.contains_key(key))
    }

    /// The things missing for at least `needed`, in a file that has been at rest for `rest`.
    pub fn certain(&self, needed: Duration, rest: Duration, now: Instant) -> Vec<K> {
        if rest < needed.min(REST_MAX) {
            return Vec::new();
        }
        let gone = self.since.iter().filter(|(_, since)| now.duration_since(**since) >= needed);
        gone.map(|(key, _)| key.clone()).collect()
    }

    /// The missing things.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.since.keys()
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// Forgets one.
    pub fn forget(&mut self, key: &K) {
        self.since.remove(key);
    }
}
