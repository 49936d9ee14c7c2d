//! The format of a picture stream, which shows a canvas or a phone's screen frame by frame.
//!
//! A *frame* is its time (u64, little-endian, ms since the Unix epoch), the length of its picture (u32, little-endian), and the picture. A
//! *stream* is a sequence of frames with nothing before, between or after them. The services that read streams concatenate them, so bytes
//! that are not a whole frame must never get into a stream.
//!
//! A stream is sent in queue messages `{"Name":"…","Data":"…"}`, its bytes in base64. Records are packed to fit one message each, so the size of
//! a message is computed here.

/// The time and the length, before the picture.
pub const FRAME_HEAD_BYTES: usize = 12;

/// The parts of a queue message before the name's string, between name and data, and after the data.
pub const MESSAGE_PARTS: [&[u8]; 3] = [b"{\"Name\":", b",\"Data\":\"", b"\"}"];

/// What a queue message adds to name and data: the parts above and the quotes around the name.
const WRAP_BYTES: usize = MESSAGE_PARTS[0].len() + 2 + MESSAGE_PARTS[1].len() + MESSAGE_PARTS[2].len();

const _: () = assert!(WRAP_BYTES == r#"{"Name":"","Data":""}"#.len());

/// The head of a frame.
pub fn write_frame_head(at_ms: u64, picture_bytes: u32) -> [u8; FRAME_HEAD_BYTES] {
    let [a, b, c, d, e, f, g, h] = at_ms.to_le_bytes();
    let [i, j, k, l] = picture_bytes.to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

/// The time and the length in a frame's head.
pub fn frame_head(head: [u8; FRAME_HEAD_BYTES]) -> (u64, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]))
}

/// Iterates over the whole frames of a stream, each with its head.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    /// The bytes after the last returned frame. At the end: empty, or bytes that are not a whole frame.
    pub rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The frames of `stream`.
    pub fn new(stream: &'a [u8]) -> Self {
        Self { rest: stream }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (_, length) = frame_head(*self.rest.first_chunk()?);
        let whole = usize::try_from(length).ok()?.checked_add(FRAME_HEAD_BYTES)?;
        let (frame, rest) = self.rest.split_at_checked(whole)?;
        self.rest = rest;
        Some(frame)
    }
}

/// The length of the queue message for a stream. `name_bytes` is the length of its name as an escaped JSON string, without quotes.
pub fn message_bytes(name_bytes: usize, stream_bytes: usize) -> usize {
    WRAP_BYTES + name_bytes + stream_bytes.div_ceil(3) * 4
}

/// The longest stream whose queue message is within `message_bytes_max`.
pub fn stream_bytes_max(name_bytes: usize, message_bytes_max: usize) -> usize {
    message_bytes_max.saturating_sub(WRAP_BYTES + name_bytes) / 4 * 3
}

#[cfg(test)]
mod tests;
