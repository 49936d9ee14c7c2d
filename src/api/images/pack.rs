//! Pictures become records: frame streams, each small enough for one queue message.

use crate::records::frames::{FRAME_HEAD_BYTES, frame_head, stream_bytes_max, write_frame_head};

use super::fault::ImagesFault;

/// Most records of one upload. A phone sends tens of pictures, of one name; empty ones of many names cost nothing to send.
pub const RECORDS_MAX: usize = 4096;

/// What a record takes in memory besides, until it is stored: its extension, its entry, its place in the queue of those that wait.
const RECORD_BYTES: usize = 256;

/// A record to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Packed {
    /// The stream's name; empty where the client gives none.
    pub name: String,
    /// Whole frames; or, where unusable, bytes that are none.
    pub payload: Vec<u8>,
    /// How many frames.
    pub frames: u32,
    /// The payload is the broken end of a stream: kept, and never sent on.
    pub unusable: bool,
    /// One frame that is larger than a queue message can be.
    pub oversized: bool,
}

/// Packs frames in the order in which they come. A record ends where the stream's name changes, or where the next frame would make its
/// queue message too large.
#[derive(Debug)]
pub struct Packer {
    /// The finished records, and the last one, which may grow.
    pub records: Vec<Packed>,
    /// The frame that is being received, with its head.
    frame: Vec<u8>,
    frame_bytes_max: usize,
    message_bytes_max: usize,
    held_bytes: usize,
}

impl Packer {
    /// A packer of pictures of at most `frame_bytes_max`, for messages of at most `message_bytes_max`.
    pub fn new(frame_bytes_max: usize, message_bytes_max: usize) -> Self {
        Self { records: Vec::new(), frame: Vec::new(), frame_bytes_max, message_bytes_max, held_bytes: 0 }
    }

    /// The memory that it holds.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes + self.frame.capacity()
    }

    /// How many records there are.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no more records than an upload may become.
    pub fn check(&self) -> Result<(), ImagesFault> {
        if self.records.len() > RECORDS_MAX { Err(ImagesFault::TooManyFiles) } else { Ok(()) }
    }

    /// Begins a frame whose length is not known yet.
    pub fn begin(&mut self, at_ms: u64) {
        self.frame.clear();
        self.frame.extend_from_slice(&write_frame_head(at_ms, 0));
    }

    /// Adds to the picture.
    pub fn picture(&mut self, bytes: &[u8]) -> Result<(), ImagesFault> {
        if self.frame.len() + bytes.len() > FRAME_HEAD_BYTES + self.frame_bytes_max {
            return Err(ImagesFault::FrameTooLarge);
        }
        self.frame.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the frame; it belongs to the stream `name`.
    pub fn end(&mut self, name: &str) {
        // A frame is far below 4 GiB.
        let length = (self.frame.len() - FRAME_HEAD_BYTES) as u32;
        self.frame[8..FRAME_HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
        self.take(name, false);
    }

    /// Takes bytes of a stream as they come.
    pub fn stream(&mut self, name: &str, mut bytes: &[u8]) -> Result<(), ImagesFault> {
        while !bytes.is_empty() {
            let head_left = FRAME_HEAD_BYTES.saturating_sub(self.frame.len());
            let left = match self.frame.first_chunk() {
                Some(head) => {
                    // An impossible length costs nothing: a frame grows with what comes.
                    let length = usize::try_from(frame_head(*head).1).unwrap_or(usize::MAX);
                    length.saturating_sub(self.frame.len() - FRAME_HEAD_BYTES)
                }
                None => head_left,
            };
            let (now, rest) = bytes.split_at(left.min(bytes.len()));
            self.picture(now)?;
            bytes = rest;
            let ended = self.frame.first_chunk().is_some_and(|head| {
                usize::try_from(frame_head(*head).1).is_ok_and(|length| length == self.frame.len() - FRAME_HEAD_BYTES)
            });
            if ended {
                self.take(name, false);
            }
        }
        Ok(())
    }

    /// Ends a stream. True if bytes are left that are no whole frame: they go into a record of their own.
    pub fn end_of_stream(&mut self, name: &str) -> bool {
        let broken = !self.frame.is_empty();
        if broken {
            self.take(name, true);
        }
        broken
    }

    fn take(&mut self, name: &str, unusable: bool) {
        let room = stream_bytes_max(name.len(), self.message_bytes_max);
        let frames = u32::from(!unusable);
        if !unusable
            && let Some(last) = self.records.last_mut()
            && last.name == name
            && !last.unusable
            && last.payload.len() + self.frame.len() <= room
        {
            let before = last.payload.capacity();
            last.payload.extend_from_slice(&self.frame);
            last.frames += frames;
            self.held_bytes += last.payload.capacity() - before;
            self.frame.clear();
            return;
        }
        let mut payload = std::mem::take(&mut self.frame);
        payload.shrink_to_fit();
        self.held_bytes += payload.capacity() + size_of::<Packed>() + RECORD_BYTES + name.len();
        let oversized = !unusable && payload.len() > room;
        self.records.push(Packed { name: name.to_owned(), payload, frames, unusable, oversized });
    }
}

#[cfg(test)]
mod tests;
