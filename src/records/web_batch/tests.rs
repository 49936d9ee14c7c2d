use crate::records::BatchTexts;
use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    let mut ext = Vec::new();
    BatchTexts { data_type: Some(b"future"), query: Some(b"1_2_begin") }.write(&mut ext);
    let label = Some(Label { page: 1, number: 2 });
    for &data_type in DataType::ALL {
        for (split, just_expired) in [(0, false), (0, true), (4, false), (4, true)] {
            let batch = WebBatch {
                session: SessionId(7),
                project: 3,
                data_type: if split > 0 { DataType::Visual } else { data_type },
                encoding: Encoding::Gzip,
                split,
                label,
                just_expired,
                ext: Ext(&ext),
                body: b"messages",
            };
            let entry = batch.entry();
            assert_eq!(WebBatch::read(&stored(&entry)), Some(batch));
            assert_eq!(entry.flags.contains(Flags::MAY_BE_SPLIT), split > 0);
            assert_eq!(entry.topic == Topic::RawAssets, batch.data_type == DataType::Assets);
        }
    }
}
