use crate::log::format::record::Ext;
use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    for (offset, piece) in [(0, &b"video"[..]), (5, b""), (u64::MAX, b"x")] {
        let part = RecordingPart { session: SessionId(7), project: 3, began_ms: 1_710_417_074_000, offset, piece };
        let mut ext = b"left".to_vec();
        let entry = part.entry(&mut ext);
        assert_eq!(RecordingPart::read(&stored(&entry)), Some(part));
        assert_eq!(Ext(entry.ext).get(ext_type::FILE_NAME), Some(RECORDING_FILE_NAME.as_bytes()));
        let without_place = Entry { ext: &[], ..entry };
        assert_eq!(RecordingPart::read(&stored(&without_place)), None);
    }
}
