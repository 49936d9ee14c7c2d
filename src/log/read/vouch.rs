//! Where a stretch of records says that it lies in its segment.
//!
//! Each record names its segment's durable end at the time (`durable_to`), and that is always where a group begins: its own, or one of the two
//! before it. A stretch that holds the beginnings of several groups therefore reveals its own offset. Nobody else can write such a stretch: a
//! client does not know at which byte of a segment its body will be stored. So what a stretch says about itself can be believed if the segment's
//! first page is lost, and if the pieces of a raw image may have been shifted against each other.

use crate::log::format::record::{Kind, RecordHeader};

/// A group's records name the beginning of one of this many groups: its own and those before it.
const STARTS: usize = 3;

/// How many places are weighed at once. The true one gets a vote from nearly every group and is never crowded out.
const CANDIDATES: usize = 6;

/// The places, as the position at which the segment's first byte would lie, that a stretch can be believed to have.
pub(in crate::log) type Bases = [Option<u64>; STARTS];

/// Weighs a stretch record by record, pads included, in the order of their positions.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::log) struct Vouch {
    /// Where the last groups begin.
    starts: [Option<u64>; STARTS],
    behind_pad: bool,
    groups: u32,
    votes: [(u64, u32); CANDIDATES],
}

impl Vouch {
    /// Takes in the next record of the stretch.
    ///
    /// Only a pad shows for certain that a group ended. A group that fills its last page to the byte has none, and counts as one with the
    /// next; so a place need not have the vote of every group, but of half of them.
    pub(in crate::log) fn add(&mut self, position: u64, header: &RecordHeader) {
        if self.behind_pad {
            self.starts.rotate_right(1);
            self.starts[0] = Some(position);
            self.groups += 1;
            for start in self.starts.into_iter().flatten() {
                if let Some(base) = start.checked_sub(header.durable_bytes()) {
                    self.vote(base);
                }
            }
        }
        self.behind_pad = header.kind == Kind::Pad;
    }

    fn vote(&mut self, base: u64) {
        let known = self.votes.iter().position(|&(of, hits)| hits > 0 && of == base);
        let weakest = || (0..CANDIDATES).min_by_key(|&at| self.votes[at].1).unwrap_or(0);
        let at = known.unwrap_or_else(weakest);
        self.votes[at] = if known.is_some() { (base, self.votes[at].1 + 1) } else { (base, 1) };
    }

    /// The places that the stretch vouches for; none where it holds too little to tell.
    pub(in crate::log) fn bases(&self) -> Bases {
        let mut ranked = self.votes;
        ranked.sort_unstable_by_key(|&(_, hits)| std::cmp::Reverse(hits));
        let mut bases = [None; STARTS];
        let believed = ranked.iter().filter(|(_, hits)| *hits > 0 && hits * 2 >= self.groups);
        for (slot, (base, _)) in bases.iter_mut().zip(believed) {
            *slot = Some(*base);
        }
        bases
    }
}

#[cfg(test)]
mod tests;
