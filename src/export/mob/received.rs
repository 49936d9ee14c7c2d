//! The files of 2026-07: batches in the order of their arrival.

use std::io;

use crate::tracker::{Era, Message, Meta, PlayerFile, ids, read_batch, write_int, write_string, write_uint};

use super::release::{Release, Taken, is_in_both, put_bare};
use super::{LeftOut, Spool};

/// Batches up to so long after the session's start are in the first file.
const SPLIT_MS: i64 = 15_000;

/// The versions of batches that hold one kind of message each.
const PLAYER: u64 = 2;
const ASSETS: u64 = 3;
const DEVTOOLS: u64 = 4;
const ANALYTICS: u64 = 5;

/// The largest message whose size three bytes can say.
const SIZE_MAX: usize = 0xff_ffff;

/// How messages stand in a file; the first batch in it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// Each with its index.
    Indexed,
    /// In batches, each with its size.
    Batched,
}

impl Framing {
    const fn header(self) -> [u8; 8] {
        let last = match self {
            Self::Indexed => 0xff,
            Self::Batched => 0xfe,
        };
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, last]
    }
}

/// Collects the files.
#[derive(Debug)]
pub struct Received {
    began_ms: Option<i64>,
    start: Spool,
    end: Spool,
    devtools: Spool,
    dom_framing: Option<Framing>,
    devtools_framing: Option<Framing>,
    left_out: LeftOut,
    /// Of the batch at hand.
    dom: Vec<u8>,
    tools: Vec<u8>,
}

/// What the files have, each with its header.
#[derive(Debug)]
pub struct Files {
    /// `dom.mobs`.
    pub start: Spool,
    /// `dom.mobe`.
    pub end: Spool,
    /// `devtools.mob`.
    pub devtools: Spool,
    /// The header of a file in place of `start`, for a session of which only `end` has something.
    pub header: [u8; 8],
    /// What they do not have.
    pub left_out: LeftOut,
}

impl Received {
    /// Collects in three empty files.
    pub fn new(start: Spool, end: Spool, devtools: Spool) -> Received {
        Received {
            began_ms: None,
            start,
            end,
            devtools,
            dom_framing: None,
            devtools_framing: None,
            left_out: LeftOut::default(),
            dom: Vec::new(),
            tools: Vec::new(),
        }
    }

    /// The session's start: its row's time, in Unix ms. Without one, the first batch begins the session.
    pub fn started(&mut self, at_ms: i64) {
        self.began_ms.get_or_insert(at_ms);
    }

    /// The next batch, inflated.
    pub fn batch(&mut self, bytes: &[u8], era: Era) -> io::Result<()> {
        let mut reader = read_batch(bytes, era);
        let first = reader.next();
        let Some(meta) = reader.meta().copied() else {
            self.left_out.broken += u64::from(first.is_some());
            return Ok(());
        };
        let began_ms = *self.began_ms.get_or_insert(meta.timestamp_ms);
        let is_late = meta.timestamp_ms.saturating_sub(began_ms) > SPLIT_MS;
        let (dom, tools) = match meta.version {
            ANALYTICS => return Ok(()),
            DEVTOOLS => (None, Some(Framing::Batched)),
            PLAYER | ASSETS => (Some(Framing::Batched), None),
            _ => (Some(Framing::Indexed), Some(Framing::Indexed)),
        };
        let dom = dom.map(|framing| *self.dom_framing.get_or_insert(framing));
        let tools = tools.map(|framing| *self.devtools_framing.get_or_insert(framing));
        // A batch of one kind is part of a file of batches as it was received, cut short or not.
        let is_of_one_kind = [PLAYER, ASSETS, DEVTOOLS].contains(&meta.version);
        if is_of_one_kind && dom.or(tools) == Some(Framing::Batched) {
            let (file, header) = match tools {
                Some(_) => (&mut self.devtools, true),
                None if is_late => (&mut self.end, false),
                None => (&mut self.start, true),
            };
            return put(file, header.then_some(Framing::Batched), bytes);
        }
        if !self.sort_out(bytes, era, &meta, dom, tools) {
            self.left_out.broken += 1;
            return Ok(());
        }
        if let Some(framing) = dom {
            match is_late {
                true => put(&mut self.end, None, &self.dom)?,
                false => put(&mut self.start, Some(framing), &self.dom)?,
            }
        }
        tools.map_or(Ok(()), |framing| put(&mut self.devtools, Some(framing), &self.tools))
    }

    /// Puts the messages of a batch into the two buffers. `false`: the batch can't be read to its end.
    fn sort_out(
        &mut self,
        bytes: &[u8],
        era: Era,
        meta: &Meta<'_>,
        dom: Option<Framing>,
        tools: Option<Framing>,
    ) -> bool {
        self.dom.clear();
        self.tools.clear();
        let mut foreign = 0;
        let mut is_empty = [true; 2];
        for message in read_batch(bytes, era) {
            let Ok(message) = message else { return false };
            let file = match Release::July2026.takes(&message) {
                Taken::In(file) => file,
                Taken::Foreign => {
                    foreign += 1;
                    continue;
                }
                Taken::Nowhere => continue,
            };
            let is_in_tools = file == PlayerFile::Devtools || is_in_both(&message);
            let buffers = [
                (&mut self.dom, dom.filter(|_| file == PlayerFile::Dom)),
                (&mut self.tools, tools.filter(|_| is_in_tools)),
            ];
            for ((buffer, framing), is_empty) in buffers.into_iter().zip(&mut is_empty) {
                let Some(framing) = framing else { continue };
                if framing == Framing::Batched && message.bytes.len() > SIZE_MAX {
                    foreign += 1;
                    continue;
                }
                if std::mem::take(is_empty) && framing == Framing::Batched {
                    put_metadata(meta, buffer);
                }
                put_message(&message, framing, buffer);
            }
        }
        self.left_out.foreign += foreign;
        true
    }

    /// The files.
    pub fn finish(self) -> Files {
        let header = self.dom_framing.unwrap_or(Framing::Indexed).header();
        let Received { start, end, devtools, left_out, .. } = self;
        Files { start, end, devtools, header, left_out }
    }
}

/// Appends to a file. A new one begins with the header, unless it goes on where another ends.
fn put(file: &mut Spool, header: Option<Framing>, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    if let Some(framing) = header.filter(|_| file.is_empty()) {
        file.put(&framing.header())?;
    }
    file.put(bytes)
}

/// Appends the first message of a batch whose messages have sizes.
fn put_metadata(meta: &Meta<'_>, out: &mut Vec<u8>) {
    write_uint(out, ids::BATCH_METADATA);
    write_uint(out, 1);
    write_uint(out, meta.page);
    write_uint(out, meta.first_index);
    write_int(out, meta.timestamp_ms);
    write_string(out, meta.location);
}

fn put_message(message: &Message<'_>, framing: Framing, out: &mut Vec<u8>) {
    match framing {
        Framing::Indexed => {
            out.extend_from_slice(&message.index.to_le_bytes());
            put_bare(message, out);
        }
        Framing::Batched => {
            write_uint(out, message.id);
            // At most SIZE_MAX.
            let [low, middle, high, _] = (message.bytes.len() as u32).to_le_bytes();
            out.extend_from_slice(&[low, middle, high]);
            out.extend_from_slice(message.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
