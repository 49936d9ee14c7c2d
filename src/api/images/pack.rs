//! Packs pictures into frame streams, each small enough for one queue message. Each stream becomes a record.

use crate::records::frames::{FRAME_HEAD_BYTES, Frames, frame_head, stream_bytes_max, write_frame_head};

use super::fault::ImagesFault;

/// The most records of one upload. A phone sends tens of pictures with one name, but empty pictures with many names would cost a sender
/// nothing.
pub const RECORDS_MAX: usize = 4096;

/// The memory that a record takes beyond its payload until it is stored: its extension, its entry, its place in the queue for the log.
const RECORD_BYTES: usize = 256;

/// The content of a record that is to be stored.
#[derive(Debug, PartialEq, Eq)]
pub struct PackedFrames {
    /// The stream's name; empty if the client gives none.
    pub name: String,
    /// Whole frames; if `unusable`, bytes that are not a whole frame.
    pub payload: Vec<u8>,
    /// The number of frames.
    pub frames: u32,
    /// The payload is the broken end of a stream: kept, but never forwarded.
    pub unusable: bool,
    /// The payload is a single frame that is too large for a queue message.
    pub oversized: bool,
}

/// Packs frames in the order of their arrival. A new record begins when the stream's name changes, or when one more frame would make the
/// queue message too large.
#[derive(Debug)]
pub struct Packer {
    /// The records so far. The last one may still grow.
    pub records: Vec<PackedFrames>,
    /// The frame that is being received, including its head.
    frame: Vec<u8>,
    frame_bytes_max: usize,
    message_bytes_max: usize,
    held_bytes: usize,
}

impl Packer {
    /// A packer for pictures of at most `frame_bytes_max` and messages of at most `message_bytes_max`.
    pub fn new(frame_bytes_max: usize, message_bytes_max: usize) -> Self {
        Self { records: Vec::new(), frame: Vec::new(), frame_bytes_max, message_bytes_max, held_bytes: 0 }
    }

    /// The memory that it holds, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes + self.frame.capacity()
    }

    /// The number of records so far.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// Fails if there are more records than one upload may become.
    pub fn check(&self) -> Result<(), ImagesFault> {
        if self.records.len() > RECORDS_MAX { Err(ImagesFault::TooManyFiles) } else { Ok(()) }
    }

    /// Begins a frame whose length is not yet known.
    pub fn begin(&mut self, at_ms: u64) {
        self.frame.clear();
        self.frame.extend_from_slice(&write_frame_head(at_ms, 0));
    }

    /// Adds bytes to the current frame's picture.
    pub fn picture(&mut self, bytes: &[u8]) -> Result<(), ImagesFault> {
        if self.frame.len() + bytes.len() > FRAME_HEAD_BYTES + self.frame_bytes_max {
            return Err(ImagesFault::FrameTooLarge);
        }
        self.frame.extend_from_slice(bytes);
        Ok(())
    }

    /// Ends the frame, which belongs to the stream `name`.
    pub fn end(&mut self, name: &str) {
        // A frame is far below 4 GiB.
        let length = (self.frame.len() - FRAME_HEAD_BYTES) as u32;
        self.frame[8..FRAME_HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
        self.take(name, false);
    }

    /// Takes the next bytes of a stream of frames.
    pub fn stream(&mut self, name: &str, mut bytes: &[u8]) -> Result<(), ImagesFault> {
        while !bytes.is_empty() {
            if self.frame.is_empty() {
                bytes = self.whole_frames(name, bytes)?;
                if bytes.is_empty() {
                    break;
                }
            }
            let head_left = FRAME_HEAD_BYTES.saturating_sub(self.frame.len());
            let left = match self.frame.first_chunk() {
                Some(head) => {
                    // An absurd length allocates nothing: a frame only grows with the bytes that arrive.
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

    /// Ends a stream. Returns true if the remaining bytes are not a whole frame; they go into a record of their own.
    pub fn end_of_stream(&mut self, name: &str) -> bool {
        let broken = !self.frame.is_empty();
        if broken {
            self.take(name, true);
        }
        broken
    }

    /// Takes the frames that are whole in `bytes`, and returns what follows them.
    fn whole_frames<'b>(&mut self, name: &str, bytes: &'b [u8]) -> Result<&'b [u8], ImagesFault> {
        let mut frames = Frames::new(bytes);
        while let Some(frame) = frames.next() {
            if frame.len() > FRAME_HEAD_BYTES + self.frame_bytes_max {
                return Err(ImagesFault::FrameTooLarge);
            }
            if !self.append(name, frame) {
                // Room for the frames that have arrived: they are likely to go into the same record.
                let room = stream_bytes_max(name.len(), self.message_bytes_max);
                let mut payload = Vec::with_capacity((frame.len() + frames.rest.len()).min(room.max(frame.len())));
                payload.extend_from_slice(frame);
                self.begin_record(name, payload, false);
            }
        }
        Ok(frames.rest)
    }

    /// Takes the frame that was received piece by piece, or the broken end of a stream.
    fn take(&mut self, name: &str, unusable: bool) {
        let mut frame = std::mem::take(&mut self.frame);
        if !unusable && self.append(name, &frame) {
            frame.clear();
            self.frame = frame;
            return;
        }
        frame.shrink_to_fit();
        self.begin_record(name, frame, unusable);
    }

    /// Adds a frame to the last record, if it belongs there and there is room.
    fn append(&mut self, name: &str, frame: &[u8]) -> bool {
        let room = stream_bytes_max(name.len(), self.message_bytes_max);
        let Some(last) = self.records.last_mut() else { return false };
        if last.name != name || last.unusable || last.payload.len() + frame.len() > room {
            return false;
        }
        let before = last.payload.capacity();
        last.payload.extend_from_slice(frame);
        last.frames += 1;
        self.held_bytes += last.payload.capacity() - before;
        true
    }

    fn begin_record(&mut self, name: &str, payload: Vec<u8>, unusable: bool) {
        let room = stream_bytes_max(name.len(), self.message_bytes_max);
        self.held_bytes += payload.capacity() + size_of::<PackedFrames>() + RECORD_BYTES + name.len();
        let oversized = !unusable && payload.len() > room;
        let frames = u32::from(!unusable);
        self.records.push(PackedFrames { name: name.to_owned(), payload, frames, unusable, oversized });
    }
}

#[cfg(test)]
mod tests;
