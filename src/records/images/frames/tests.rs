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

#[test]
fn a_head_that_is_written_is_read() {
    for head in [(0, 0), (1_710_417_074_000, 5), (u64::MAX, u32::MAX)] {
        assert_eq!(frame_head(write_frame_head(head.0, head.1)), head);
    }
    assert_eq!(write_frame_head(5, 3), frame(5, b"abc")[..FRAME_HEAD_BYTES]);
}
