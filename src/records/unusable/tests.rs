use crate::log::format::record::{DataType, Ext, Label};
use crate::records::bench::stored;
use crate::records::{MobileBatch, SdkBatch, WebBatch};

use super::*;

#[test]
fn an_unusable_batch_keeps_its_source_and_loses_its_topic() {
    let (session, project, encoding, body) = (SessionId(7), 3, Encoding::Gzip, &b"body"[..]);
    let label = Some(Label { page: 1, number: 2 });
    let web = WebBatch {
        session,
        project,
        data_type: DataType::Visual,
        encoding,
        split: 4,
        label,
        just_expired: true,
        ext: Ext(&[5, 1, 0, b'q']),
        body,
    };
    let mobile = MobileBatch { session, project, encoding, just_expired: false, body };
    let sdk = SdkBatch { session, project, encoding, body };
    for (usable, source) in [(web.entry(), Source::Web), (mobile.entry(), Source::Mobile), (sdk.entry(), Source::Sdk)] {
        assert_eq!(UnusableBatch::read(&stored(&usable)), None);
        let marked = mark_unusable(usable);
        assert_eq!((marked.topic, marked.split), (Topic::None, 0));
        assert!(!marked.flags.contains(Flags::MAY_BE_SPLIT));
        let just_expired = Flags::JUST_EXPIRED;
        assert_eq!(marked.flags.contains(just_expired), usable.flags.contains(just_expired));
        assert_eq!((marked.kind, marked.label, marked.ext), (usable.kind, usable.label, usable.ext));
        let record = stored(&marked);
        assert_eq!(UnusableBatch::read(&record), Some(UnusableBatch { source, session, project, encoding, body }));
        assert!(WebBatch::read(&record).is_none() && MobileBatch::read(&record).is_none());
        assert!(SdkBatch::read(&record).is_none());
    }
}
