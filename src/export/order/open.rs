//! A batch that is being read: its bytes, and the message that comes next. The others are read when they are asked for, because a message
//! takes more memory when it is read than it has bytes: the smallest ones a hundred times as much.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::export::said::{self, Said};
use crate::tracker::{Era, Mark, ids, read_batch, read_on};

use super::events::event;
use super::told::{Told, What};

// Circle: it is what one of the places in there has.
use super::Place;

/// What an open batch takes besides its bytes.
const OPEN_BYTES: usize = 1 << 10;
/// The longest name of a tab, in bytes: each of its messages has it.
pub const TAB_BYTES_MAX: usize = 256;
/// So many messages stand ahead of the tab's name at most.
const TOLD_AHEAD: usize = 4;
/// A time that is so much later than the one before it is not believed if the batch takes it back.
const LEAP_MS: i64 = 60_000;
/// How many such times are looked into: the rest of the batch is read for each.
const LEAPS_MAX: u8 = 8;

/// A batch that is being read. The one whose next message is the earliest is the greatest; of one time, the one that was opened first.
#[derive(Debug, Clone)]
pub(super) struct Open {
    unread: Unread,
    next: Told,
    /// How many were opened before.
    number: u64,
}

/// What follows the next message.
#[derive(Debug, Clone)]
struct Unread {
    bytes: Vec<u8>,
    place: Place,
    mark: Mark,
    page: u64,
    at_ms: i64,
    /// The last time that was not believed,
    doubted_ms: Option<i64>,
    /// and how many others may still be looked into.
    leaps_left: u8,
    tab: Arc<str>,
    /// The second thing that the last message says.
    also: Option<Told>,
}

impl Open {
    /// `None` if it says nothing. Adds to `faults` if it can't be read to its end.
    pub(super) fn new(
        bytes: Vec<u8>,
        place: Place,
        first: Told,
        has_gap: bool,
        number: u64,
        faults: &mut u64,
    ) -> Option<Open> {
        let mark = read_batch(&bytes, place.era).mark();
        let first = if has_gap { Told { tab: tab_of(&bytes, place.era), ..first } } else { first };
        let (page, at_ms, tab) = (first.page, first.at_ms, Arc::clone(&first.tab));
        let mut unread =
            Unread { bytes, place, mark, page, at_ms, doubted_ms: None, leaps_left: LEAPS_MAX, tab, also: None };
        let next = if has_gap { first } else { unread.read(faults)? };
        Some(Open { unread, next, number })
    }

    /// Client time of the next message, in Unix ms.
    pub(super) fn at_ms(&self) -> i64 {
        self.next.at_ms
    }

    /// How much of it has been read.
    #[cfg(test)]
    pub(super) fn read_bytes(&self) -> usize {
        read_on(&self.unread.bytes, self.unread.place.era, self.unread.mark).offset()
    }

    /// What it takes.
    pub(super) fn bytes(&self) -> usize {
        OPEN_BYTES + self.unread.bytes.len()
    }

    /// The same without its bytes, for [`read_on`](Self::read_on).
    pub(super) fn at_rest(&self) -> Open {
        let Unread { place, mark, page, at_ms, doubted_ms, leaps_left, ref tab, ref also, .. } = self.unread;
        let (tab, also) = (Arc::clone(tab), also.clone());
        let unread = Unread { bytes: Vec::new(), place, mark, page, at_ms, doubted_ms, leaps_left, tab, also };
        Open { unread, next: self.next.clone(), number: self.number }
    }

    /// What it takes without them. What a message says is no longer than it is written for people.
    pub(super) fn bytes_at_rest(&self) -> usize {
        let said = |told: &Told| format!("{:?}", told.what).len();
        OPEN_BYTES + said(&self.next) + self.unread.also.as_ref().map_or(0, said)
    }

    /// Goes on with its bytes.
    pub(super) fn read_on(&self, bytes: Vec<u8>) -> Open {
        let mut open = self.clone();
        open.unread.bytes = bytes;
        open
    }

    /// Where its bytes are.
    pub(super) fn place(&self) -> Place {
        self.unread.place
    }

    /// Goes on to the message after the next, which is returned. `None`: that was the last.
    pub(super) fn advance(&mut self, faults: &mut u64) -> Option<Told> {
        self.unread.read(faults).map(|after| std::mem::replace(&mut self.next, after))
    }

    /// The last message.
    pub(super) fn into_last(self) -> Told {
        self.next
    }
}

impl Unread {
    fn told(&self, bytes: usize, what: What) -> Told {
        Told { at_ms: self.at_ms, page: self.page, tab: Arc::clone(&self.tab), bytes, what }
    }

    /// A message has this time; the rest of the batch begins at `rest`. Times that step back would mix up what a batch has in order, and so would one that is
    /// taken back: all that follows would come behind what other batches tell.
    fn advance_to(&mut self, told_ms: i64, bytes: &[u8], rest: Mark) {
        if told_ms <= self.at_ms || self.doubted_ms == Some(told_ms) {
            return;
        }
        if told_ms.saturating_sub(self.at_ms) > LEAP_MS && self.leaps_left > 0 {
            self.leaps_left -= 1;
            let mut later =
                read_on(bytes, self.place.era, rest).map_while(Result::ok).map(|message| message.timestamp_ms);
            if later.any(|later_ms| (self.at_ms..told_ms).contains(&later_ms)) {
                self.doubted_ms = Some(told_ms);
                return;
            }
        }
        self.at_ms = told_ms;
    }

    fn read(&mut self, faults: &mut u64) -> Option<Told> {
        if let Some(also) = self.also.take() {
            return Some(also);
        }
        let bytes = std::mem::take(&mut self.bytes);
        let mut reader = read_on(&bytes, self.place.era, self.mark);
        let mut found = None;
        while found.is_none() {
            let Some(message) = reader.next() else { break };
            let Ok(message) = message else {
                *faults += 1;
                found = Some(self.told(0, What::Gap));
                break;
            };
            if message.id == ids::MOBILE_BATCH_META {
                continue;
            }
            self.advance_to(message.timestamp_ms, &bytes, reader.mark());
            let length = reader.offset() - message.offset;
            match said::read(&message) {
                Some(Said::Tab(id)) => self.tab = beginning(&id, TAB_BYTES_MAX).into(),
                Some(said) => found = Some(self.told(length, What::Page(said))),
                None => {}
            }
            if let Some(event) = event(&message) {
                let event = self.told(if found.is_some() { 0 } else { length }, event);
                match found {
                    Some(_) => self.also = Some(event),
                    None => found = Some(event),
                }
            }
        }
        self.mark = reader.mark();
        self.bytes = bytes;
        found
    }
}

/// The tab that a batch is of: trackers that tell it do so ahead of everything else.
fn tab_of(bytes: &[u8], era: Era) -> Arc<str> {
    let mut ahead = read_batch(bytes, era).map_while(Result::ok).take(TOLD_AHEAD);
    let tab = ahead.find_map(|message| match said::read(&message) {
        Some(Said::Tab(id)) => Some(beginning(&id, TAB_BYTES_MAX).into()),
        _ => None,
    });
    tab.unwrap_or_else(|| Arc::from(""))
}

/// As much of a text as has so many bytes, or fewer: it ends at a character boundary.
pub fn beginning(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Ord for Open {
    fn cmp(&self, other: &Open) -> Ordering {
        (other.at_ms(), other.number).cmp(&(self.at_ms(), self.number))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Open) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Open) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}
