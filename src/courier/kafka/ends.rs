//! How far each partition has confirmed messages: from this it is seen later whether the cluster has lost some of them, because a topic was
//! deleted and made again, or because a replica that was behind became the leader.

use std::collections::BTreeMap;

/// The end of what each partition of each topic has confirmed: the offset after it. At most one for each partition that is written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ends(BTreeMap<String, BTreeMap<i32, i64>>);

impl Ends {
    /// Reads a mark. One that is none has no partitions.
    pub(super) fn parse(mark: &str) -> Self {
        Self(serde_json::from_str(mark).unwrap_or_default())
    }

    /// The mark, as JSON.
    pub(super) fn mark(&self) -> Option<String> {
        serde_json::to_string(&self.0).ok()
    }

    /// A partition has confirmed a message at this offset. Returns whether it had confirmed that offset before.
    pub(super) fn confirmed(&mut self, topic: &str, partition: i32, offset: i64) -> bool {
        if !self.0.contains_key(topic) {
            self.0.insert(topic.to_owned(), BTreeMap::new());
        }
        let before = self.0.get_mut(topic).and_then(|ends| ends.insert(partition, offset + 1));
        before.is_some_and(|end| offset < end)
    }

    /// The end of a partition.
    pub(super) fn of(&self, topic: &str, partition: i32) -> Option<i64> {
        self.0.get(topic)?.get(&partition).copied()
    }

    /// Whether a partition that a topic of so many does not have has confirmed something.
    pub(super) fn reach_beyond(&self, topic: &str, partitions: usize) -> bool {
        let is_beyond = |partition: i32| usize::try_from(partition).is_ok_and(|partition| partition >= partitions);
        self.0.get(topic).is_some_and(|ends| ends.iter().any(|(partition, end)| *end > 0 && is_beyond(*partition)))
    }

    /// Every topic, partition and end.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, i32, i64)> {
        self.0.iter().flat_map(|(topic, ends)| ends.iter().map(|(partition, end)| (&**topic, *partition, *end)))
    }

    /// Whether every partition here ends there at the same offset or later. One that is not there does not.
    pub(super) fn are_within(&self, there: &Self) -> bool {
        self.all().all(|(topic, partition, end)| there.of(topic, partition).is_some_and(|there| there >= end))
    }

    /// Takes over partitions that are not here.
    pub(super) fn add_missing(&mut self, other: &Self) {
        for (topic, partition, end) in other.all() {
            self.0.entry(topic.to_owned()).or_default().entry(partition).or_insert(end);
        }
    }

    /// Takes over ends that are lower than those here.
    pub(super) fn lower_to(&mut self, other: &Self) {
        for (topic, ends) in &mut self.0 {
            for (partition, end) in ends {
                *end = other.of(topic, *partition).map_or(*end, |other| other.min(*end));
            }
        }
    }

    /// Adds a partition.
    pub(super) fn insert(&mut self, topic: &str, partition: i32, end: i64) {
        self.0.entry(topic.to_owned()).or_default().insert(partition, end);
    }
}

#[cfg(test)]
mod tests;
