//! What librdkafka has been given, and what became of it.
//!
//! A call to ship may end before librdkafka has delivered everything, and the next one brings the same items again, without those that were
//! counted as delivered, and without what has become a dead letter. An item is found again by its contents, so that it is not given to
//! librdkafka twice, and what was delivered behind one that was not is not sent again.

use std::collections::VecDeque;

use rdkafka::error::RDKafkaErrorCode;

use crate::courier::queue::QueueItem;
use crate::log::format::record::Topic;

/// What has become of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// librdkafka does not have it.
    Open,
    /// librdkafka has it.
    Pending,
    /// The cluster has confirmed it.
    Delivered,
    /// It was not delivered, for this reason.
    Failed(RDKafkaErrorCode),
}

#[derive(Debug)]
struct Entry {
    content: [u8; 16],
    topic: Topic,
    state: State,
}

/// The items from the first one on that is not known to be delivered.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// How many items have left before the first entry: an item's position never changes while it is here.
    gone: u64,
    entries: VecDeque<Entry>,
}

impl Flight {
    /// Takes the items of a call. Returns false if librdkafka has something that is not among them.
    #[must_use]
    pub(super) fn take(&mut self, items: &[QueueItem]) -> bool {
        let contents: Vec<[u8; 16]> = items.iter().map(content).collect();
        let mut all_known = true;
        while !self.begins_with(&contents) {
            // The contents of an empty flight always match, so there is a first one.
            let left = self.entries.pop_front();
            all_known &= left.is_none_or(|entry| entry.state != State::Pending);
            self.gone += 1;
        }
        for (item, content) in items.iter().zip(contents).skip(self.entries.len()) {
            self.entries.push_back(Entry { content, topic: item.topic, state: State::Open });
        }
        all_known
    }

    fn begins_with(&self, contents: &[[u8; 16]]) -> bool {
        self.entries.iter().zip(contents).all(|(entry, content)| entry.content == *content)
    }

    /// The position of a call's item.
    pub(super) fn position(&self, index: usize) -> u64 {
        self.gone + index as u64
    }

    /// What has become of a call's item.
    pub(super) fn state(&self, index: usize) -> State {
        self.entries[index].state
    }

    /// Notes what has become of a call's item.
    pub(super) fn set(&mut self, index: usize, state: State) {
        self.entries[index].state = state;
    }

    /// Notes what has become of the item at a position, and returns its topic. `None`: it is no longer here.
    pub(super) fn report(&mut self, position: u64, state: State) -> Option<Topic> {
        let index = position.checked_sub(self.gone)?;
        let entry = self.entries.get_mut(usize::try_from(index).ok()?)?;
        entry.state = state;
        Some(entry.topic)
    }

    /// Whether librdkafka has any of them.
    pub(super) fn is_pending(&self) -> bool {
        self.entries.iter().any(|entry| entry.state == State::Pending)
    }

    /// Whether the first `count` are delivered.
    pub(super) fn is_delivered(&self, count: usize) -> bool {
        self.delivered(count) == count
    }

    /// The items among the first `count` that failed, and why.
    pub(super) fn failed(&self, count: usize) -> impl Iterator<Item = (usize, RDKafkaErrorCode)> {
        self.entries.iter().take(count).enumerate().filter_map(|(index, entry)| match entry.state {
            State::Failed(code) => Some((index, code)),
            State::Open | State::Pending | State::Delivered => None,
        })
    }

    /// The topics of those among the first `count` that librdkafka has.
    pub(super) fn pending_topics(&self, count: usize) -> Vec<Topic> {
        let mut topics = Vec::new();
        for entry in self.entries.iter().take(count).filter(|entry| entry.state == State::Pending) {
            if !topics.contains(&entry.topic) {
                topics.push(entry.topic);
            }
        }
        topics
    }

    /// Forgets all of them: the cluster no longer has what it had confirmed.
    pub(super) fn clear(&mut self) {
        self.gone += self.entries.len() as u64;
        self.entries.clear();
    }

    /// librdkafka has nothing any more: what it has not delivered must be given to it again.
    pub(super) fn reopen(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.state != State::Delivered) {
            entry.state = State::Open;
        }
    }

    /// Lets go of those among the first `count` items before which all are delivered, and returns how many they are.
    pub(super) fn let_go(&mut self, count: usize) -> usize {
        let delivered = self.delivered(count);
        self.entries.drain(..delivered);
        self.gone += delivered as u64;
        delivered
    }

    fn delivered(&self, count: usize) -> usize {
        self.entries.iter().take(count).take_while(|entry| entry.state == State::Delivered).count()
    }
}

fn content(item: &QueueItem) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[item.topic as u8]);
    hasher.update(&item.session.to_le_bytes());
    hasher.update(&item.bytes);
    let mut content = [0; 16];
    hasher.finalize_xof().fill(&mut content);
    content
}

#[cfg(test)]
mod tests;
