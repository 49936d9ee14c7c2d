//! A batch that is being read: its bytes, and the message that comes next. The others are read when they are asked for, because a message
//! takes more memory when it is read than it has bytes: the smallest ones a hundred times as much.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::export::said::{self, Said};
use crate::tracker::{Era, Mark, ids, read_batch, read_on};

use super::events::event;
use super::told::{Told, What};

/// What an open batch takes besides its bytes.
const OPEN_BYTES: usize = 1 << 10;
/// The longest name of a tab: each of its messages has it.
const TAB_BYTES_MAX: usize = 256;

/// A batch that is being read. The one whose next message is the earliest is the greatest; of one time, the one that was opened first.
#[derive(Debug)]
pub(super) struct Open {
    unread: Unread,
    next: Told,
    /// How many were opened before.
    number: u64,
}

/// What follows the next message.
#[derive(Debug)]
struct Unread {
    bytes: Vec<u8>,
    era: Era,
    mark: Mark,
    page: u64,
    at_ms: i64,
    tab: Rc<str>,
    /// The second thing that the last message says.
    also: Option<Told>,
}

impl Open {
    /// `None` if it says nothing. Adds to `faults` if it can't be read to its end.
    pub(super) fn new(
        bytes: Vec<u8>,
        era: Era,
        first: Told,
        has_gap: bool,
        number: u64,
        faults: &mut u64,
    ) -> Option<Open> {
        let mark = read_batch(&bytes, era).mark();
        let (page, at_ms, tab) = (first.page, first.at_ms, Rc::clone(&first.tab));
        let mut unread = Unread { bytes, era, mark, page, at_ms, tab, also: None };
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
        read_on(&self.unread.bytes, self.unread.era, self.unread.mark).offset()
    }

    /// What it takes.
    pub(super) fn bytes(&self) -> usize {
        OPEN_BYTES + self.unread.bytes.len()
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
        Told { at_ms: self.at_ms, page: self.page, tab: Rc::clone(&self.tab), bytes, what }
    }

    fn read(&mut self, faults: &mut u64) -> Option<Told> {
        if let Some(also) = self.also.take() {
            return Some(also);
        }
        let bytes = std::mem::take(&mut self.bytes);
        let mut reader = read_on(&bytes, self.era, self.mark);
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
            // Times that step back would mix up what a batch has in order.
            self.at_ms = self.at_ms.max(message.timestamp_ms);
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

/// As much of a text as has so many bytes.
fn beginning(text: &str, bytes_max: usize) -> &str {
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
