//! A core's cache of parsed user agents.
//!
//! A site's visitors share a few hundred user agents, and parsing one takes longer than the rest of a start. The cache is bounded in entries
//! and in the size of each: only the beginning of a user agent is its key. It evicts by the clock algorithm: an entry that was not used since
//! the clock's hand last passed makes room.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::user_agent::{Agent, UserAgents, beginning};

struct Slot {
    hash: u64,
    key: Box<[u8]>,
    agent: Option<Agent>,
    asked: bool,
}

/// A bounded cache from user agents to what they say, including those of robots.
pub struct AgentCache {
    /// Keyed by hash; the slot's key decides whether it is a hit. The hash is seeded, so that nobody can craft user agents that collide.
    slots_by_hash: HashMap<u64, usize>,
    slots: Vec<Slot>,
    slots_max: usize,
    hand: usize,
    hasher: RandomState,
}

impl AgentCache {
    /// An empty cache of at most `agents_max` user agents.
    pub fn new(agents_max: usize) -> Self {
        Self {
            slots_by_hash: HashMap::new(),
            slots: Vec::new(),
            slots_max: agents_max.max(1),
            hand: 0,
            hasher: RandomState::new(),
        }
    }

    /// How many user agents it holds.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What `user_agent` says. `agents` must be ready, because a `None` is cached too.
    pub fn get(&mut self, user_agent: &[u8], agents: &UserAgents) -> Option<&Agent> {
        let user_agent = beginning(user_agent);
        let hash = self.hasher.hash_one(user_agent);
        let at = match self.slots_by_hash.get(&hash) {
            Some(&at) if *self.slots[at].key == *user_agent => {
                self.slots[at].asked = true;
                at
            }
            _ => self.insert(hash, user_agent, agents.parse(user_agent)),
        };
        self.slots[at].agent.as_ref()
    }

    fn insert(&mut self, hash: u64, user_agent: &[u8], agent: Option<Agent>) -> usize {
        let slot = Slot { hash, key: user_agent.into(), agent, asked: false };
        let at = match self.slots_by_hash.get(&hash) {
            Some(&at) => at,
            None if self.slots.len() < self.slots_max => {
                self.slots.push(slot);
                let at = self.slots.len() - 1;
                self.slots_by_hash.insert(hash, at);
                return at;
            }
            None => self.make_room(),
        };
        self.slots_by_hash.remove(&self.slots[at].hash);
        self.slots_by_hash.insert(hash, at);
        self.slots[at] = slot;
        at
    }

    /// The first slot that was not used since the hand last passed. It is found within one round.
    fn make_room(&mut self) -> usize {
        loop {
            let at = self.hand;
            self.hand = (at + 1) % self.slots.len();
            if !std::mem::take(&mut self.slots[at].asked) {
                return at;
            }
        }
    }
}

#[cfg(test)]
mod tests;
