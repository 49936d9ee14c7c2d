//! A client that remembers which of its batches were acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Home, Request, Server};
use crate::read::Archived;

/// Its batches, all different.
#[derive(Default)]
pub struct Sender {
    sent: u64,
    acknowledged: Vec<blake3::Hash>,
}

impl Sender {
    /// How many it has sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends batches until `enough`. One that can't be sent, or gets no answer, was not acknowledged.
    pub fn send_until(&mut self, home: &Home, server: &Server, enough: impl Fn(&Self) -> bool) {
        let mut client = server.connect();
        while !enough(self) {
            self.sent += 1;
            let session = 1 + self.sent % 5;
            let mut body = format!("{session}/{} ", self.sent).into_bytes();
            body.resize(500 + (self.sent as usize * 7_919) % 20_000, b'x');
            let answer = client.exchange(Request::batch(&home.token(session), &body));
            assert_eq!(answer.status, 200, "{}", answer.text());
            self.acknowledged.push(blake3::hash(&body));
        }
    }

    /// Every acknowledged batch is in the archive once.
    #[track_caller]
    pub fn check_each_once(&self, archived: &Archived) {
        let mut found: BTreeMap<[u8; 32], u64> = BTreeMap::new();
        for (_, hash) in archived.payloads() {
            *found.entry(*hash.as_bytes()).or_default() += 1;
        }
        assert!(!self.acknowledged.is_empty());
        for hash in &self.acknowledged {
            assert_eq!(found.get(hash.as_bytes()), Some(&1), "of {} batches, one", self.acknowledged.len());
        }
    }

    /// Whether every acknowledged batch is in the archive.
    #[allow(dead_code, reason = "not in all of the tests")]
    pub fn is_in(&self, archived: &Archived) -> bool {
        let there: BTreeSet<[u8; 32]> = archived.payloads().map(|(_, hash)| *hash.as_bytes()).collect();
        self.acknowledged.iter().all(|hash| there.contains(hash.as_bytes()))
    }

    /// Every acknowledged batch is in the log, whose bodies these are, or in the archive.
    #[track_caller]
    pub fn check_kept(&self, log: &[blake3::Hash], archived: &Archived) {
        let bytes = |hash: &blake3::Hash| *hash.as_bytes();
        let mut kept: BTreeSet<[u8; 32]> = log.iter().map(bytes).collect();
        kept.extend(archived.payloads().map(|(_, hash)| bytes(&hash)));
        assert!(self.acknowledged.iter().all(|hash| kept.contains(hash.as_bytes())), "an acknowledged batch is lost");
    }
}
