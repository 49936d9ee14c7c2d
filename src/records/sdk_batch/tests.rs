use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    let batch = SdkBatch { session: SessionId(7), project: 3, encoding: Encoding::Zstd, body: b"{}" };
    assert_eq!(SdkBatch::read(&stored(&batch.entry())), Some(batch));
}
