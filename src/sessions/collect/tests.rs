use crate::records::Stream;
use crate::session::SessionId;

use super::*;

/// So many pictures, all at this time, as a collector has them that takes so many.
pub fn pictures(count: usize, at_ms: u64, pictures_max: usize) -> Vec<Picture> {
    let payload = [&at_ms.to_le_bytes()[..], &0_u32.to_le_bytes()].concat().repeat(count);
    let images = Images {
        session: SessionId(1),
        project: 1,
        source: Source::Mobile,
        name: b"",
        stream: Stream::Frames,
        payload: &payload,
    };
    let mut batches = Batches::new(tempfile::tempfile().unwrap());
    let mut collector = Collector::new(1 << 20).with_pictures_max(pictures_max);
    collector.images(&images, &mut batches).unwrap();
    collector.images(&images, &mut batches).unwrap();
    collector.take_pictures()
}

#[test]
fn no_more_pictures_wait_than_there_is_room_for_however_small_they_are() {
    assert_eq!(pictures(70, 1, usize::MAX).len(), 140);
    assert_eq!(pictures(70, 1, 100).len(), 100);
    assert!(size_of::<Picture>() <= 40, "each of many takes this much");
}
