use crate::records::WebBatch;
use crate::records::bench::stored;

use super::*;

#[test]
fn what_is_stored_is_read() {
    for just_expired in [false, true] {
        let encoding = Encoding::Gzip;
        let batch = MobileBatch { session: SessionId(7), project: 3, encoding, just_expired, body: b"messages" };
        let record = batch.entry();
        assert_eq!(MobileBatch::read(&stored(&record)), Some(batch));
        assert_eq!(WebBatch::read(&stored(&record)), None);
    }
}
