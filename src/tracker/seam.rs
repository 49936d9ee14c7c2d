//! Finds out whether a body is one batch or two in a row, from its structure alone.
//!
//! A tracker that sends two batches in one body says where the second begins. If it does not, only the sizes of the messages can tell. The
//! body is walked while it is being inflated: none of it is kept, and messages are skipped unread.

use super::batch::SIZED_VERSIONS;
use super::ids;

/// The metadata version of an assets batch, which is the second of the two.
const ASSETS: u64 = 3;

/// What a body consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seam {
    /// No second batch was found: the body is one batch, whole or broken.
    None,
    /// A whole batch, and from this byte on a whole assets batch.
    At(u64),
    /// A second batch was found, but where each batch begins and ends is not certain.
    Uncertain,
}

/// Walks a body from message to message.
#[derive(Debug, Clone)]
pub struct SeamFinder {
    state: State,
    /// Bytes walked so far.
    at: u64,
    /// Where the current message began.
    message_at: u64,
    /// How many batches have begun.
    batches: u32,
    /// Where the second began.
    second_at: u64,
    first_version: u64,
    last_version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Inside a LEB128 number.
    Number { what: What, value: u64, shift: u32 },
    /// Inside a message's size, which has three bytes.
    Size { value: u64, shift: u32 },
    /// Inside bytes that are irrelevant to the structure.
    Skip(u64),
    /// The batch has no sizes, or is broken: the boundaries of what follows cannot be found.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Id,
    Version,
    Page,
    FirstIndex,
    Timestamp,
    LocationBytes,
}

/// Between two messages.
const BETWEEN: State = number(What::Id);

const fn number(what: What) -> State {
    State::Number { what, value: 0, shift: 0 }
}

impl Default for SeamFinder {
    fn default() -> Self {
        Self { state: BETWEEN, at: 0, message_at: 0, batches: 0, second_at: 0, first_version: 0, last_version: 0 }
    }
}

impl SeamFinder {
    /// Walks through the next bytes of the body.
    pub fn walk(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            let taken = match self.state {
                State::Lost => return,
                State::Skip(left) => {
                    let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[skipped..];
                    self.skip(left - skipped as u64);
                    skipped
                }
                State::Number { what, value, shift } => {
                    bytes = rest;
                    self.number_byte(what, value, shift, byte);
                    1
                }
                State::Size { value, shift } => {
                    bytes = rest;
                    let value = value | u64::from(byte) << shift;
                    if shift < 16 {
                        self.state = State::Size { value, shift: shift + 8 };
                    } else {
                        self.skip(value);
                    }
                    1
                }
            };
            self.at += taken as u64;
            if self.state == BETWEEN {
                self.message_at = self.at;
            }
        }
    }

    /// What the body consists of, once all of it has been walked.
    pub fn found(&self) -> Seam {
        let whole = self.state == BETWEEN;
        let assets_behind = self.last_version == ASSETS && self.first_version != ASSETS;
        match self.batches {
            0 | 1 => Seam::None,
            2 if whole && assets_behind => Seam::At(self.second_at),
            _ => Seam::Uncertain,
        }
    }

    fn skip(&mut self, left: u64) {
        self.state = if left == 0 { BETWEEN } else { State::Skip(left) };
    }

    fn number_byte(&mut self, what: What, value: u64, shift: u32, byte: u8) {
        if shift > 63 {
            self.state = State::Lost;
            return;
        }
        let value = value | u64::from(byte & 0x7f) << shift;
        if byte & 0x80 != 0 {
            self.state = State::Number { what, value, shift: shift + 7 };
        } else {
            self.number(what, value);
        }
    }

    fn number(&mut self, what: What, value: u64) {
        self.state = match what {
            What::Id if value == ids::BATCH_METADATA => {
                self.batches = self.batches.saturating_add(1);
                if self.batches == 2 {
                    self.second_at = self.message_at;
                }
                number(What::Version)
            }
            What::Id if self.batches == 0 => State::Lost,
            What::Id => State::Size { value: 0, shift: 0 },
            What::Version if !SIZED_VERSIONS.contains(&value) => State::Lost,
            What::Version => {
                if self.batches == 1 {
                    self.first_version = value;
                }
                self.last_version = value;
                number(What::Page)
            }
            What::Page => number(What::FirstIndex),
            What::FirstIndex => number(What::Timestamp),
            What::Timestamp => number(What::LocationBytes),
            What::LocationBytes => {
                self.skip(value);
                return;
            }
        };
    }
}

#[cfg(test)]
mod tests;
