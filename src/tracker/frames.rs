//! Streams of pictures: what a canvas, or a phone's screen, looked like, one frame after the other.
//!
//! A *frame* is its time (u64, little-endian, Unix ms), the length of its picture (u32, little-endian), and the picture. A
//! *stream* is frames in a row, nothing before, between or behind them: services that take streams append them to each other. So
//! bytes that are no whole frame must never get into one.

/// Time and length, before the picture.
pub const FRAME_HEAD_BYTES: usize = 12;

/// What a queue message adds to name and data: `{"Name":"`, `","Data":"` and `"}`.
const WRAP_BYTES: usize = 21;

/// The time and the length in a frame's head.
pub fn frame_head(head: [u8; FRAME_HEAD_BYTES]) -> (u64, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]))
}

/// The whole frames at the beginning of `stream`, each with its head. What is left behind the last of them is in `rest`.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    /// What has not been handed out. At the end: empty, or bytes that are no whole frame.
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

/// The bytes of the queue message `{"Name":"…","Data":"…"}`, for a name that needs no escapes.
pub fn message_bytes(name_bytes: usize, stream_bytes: usize) -> usize {
    WRAP_BYTES + name_bytes + stream_bytes.div_ceil(3) * 4
}

/// The longest stream whose queue message is within `message_bytes_max`.
pub fn stream_bytes_max(name_bytes: usize, message_bytes_max: usize) -> usize {
    message_bytes_max.saturating_sub(WRAP_BYTES + name_bytes) / 4 * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(at_ms: u64, picture: &[u8]) -> Vec<u8> {
        [&at_ms.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
    }

    #[test]
    fn whole_frames_are_read_and_the_rest_is_left() {
        let frames = [frame(1, b"one"), frame(2, b""), frame(3, b"three")];
        let whole = frames.concat();
        for cut in 0..=whole.len() {
            let mut read = Frames::new(&whole[..cut]);
            let got: Vec<&[u8]> = read.by_ref().collect();
            assert_eq!([&got.concat()[..], read.rest].concat(), &whole[..cut]);
            assert!(got.iter().zip(&frames).all(|(got, frame)| got == frame));
            assert_eq!(got.len() == 3, cut == whole.len());
        }
        let mut huge = Frames::new(&[0xff; 40]);
        assert_eq!((huge.next(), huge.rest.len()), (None, 40));
    }

    #[test]
    fn the_longest_stream_fills_a_message_and_no_more() {
        for limit in [100, 101, 102, 103, 1 << 20] {
            let longest = stream_bytes_max(15, limit);
            assert!(message_bytes(15, longest) <= limit && message_bytes(15, longest + 1) > limit, "{limit}");
        }
        assert_eq!(stream_bytes_max(15, 10), 0);
    }
}
