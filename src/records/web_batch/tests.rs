use crate::log::format::record::QUERY_BYTES_MAX;
use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    let mut ext = Vec::new();
    WebBatch::write_ext(Some(b"future"), b"1_2_begin", &mut ext);
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
    assert_eq!(Ext(&ext).get(ext_type::DATA_TYPE), Some(&b"future"[..]));
    assert_eq!(Ext(&ext).get(ext_type::QUERY), Some(&b"1_2_begin"[..]));
}

#[test]
fn long_texts_are_cut_and_empty_ones_left_out() {
    let mut ext = b"left".to_vec();
    WebBatch::write_ext(Some(&[b'd'; 1000]), &[b'q'; 1000], &mut ext);
    assert_eq!(Ext(&ext).get(ext_type::DATA_TYPE).map(<[u8]>::len), Some(DATA_TYPE_BYTES_MAX));
    assert_eq!(Ext(&ext).get(ext_type::QUERY).map(<[u8]>::len), Some(QUERY_BYTES_MAX));
    WebBatch::write_ext(None, b"", &mut ext);
    assert!(ext.is_empty());
}
