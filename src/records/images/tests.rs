use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    for source in [Source::Web, Source::Mobile] {
        for stream in [Stream::OneFrame, Stream::Frames, Stream::BrokenEnd] {
            for name in [&b"1_3.webp"[..], b""] {
                let images = Images { session: SessionId(7), project: 3, source, name, stream, payload: b"frames" };
                let mut ext = b"left".to_vec();
                assert_eq!(Images::read(&stored(&images.entry(&mut ext))), Some(images));
            }
        }
    }
}
