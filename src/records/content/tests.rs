use crate::log::format::record::{DataType, Encoding, Entry, Ext, Flags, Topic};
use crate::records::bench::stored;
use crate::records::{Source, Stream, Table, mark_unusable};
use crate::session::SessionId;

use super::*;

#[test]
fn every_record_is_read_as_what_it_was_made_of_and_as_nothing_else() {
    let (session, project, encoding, body) = (SessionId(7), 3, Encoding::Gzip, &b"body"[..]);
    let (data_type, just_expired, ext) = (DataType::Assets, true, Ext(&[]));
    let web = WebBatch { session, project, data_type, encoding, split: 0, label: None, just_expired, ext, body };
    let mobile = MobileBatch { session, project, encoding, just_expired, body };
    let sdk = SdkBatch { session, project, encoding, body };
    let unusable = UnusableBatch { source: Source::Mobile, session, project, encoding, body };
    let start = Start { source: Source::Sdk, session, project, ext, message: b"" };
    let stream = Stream::BrokenEnd;
    let images = Images { session, project, source: Source::Web, name: b"1_3.webp", stream, payload: body };
    let row = TableRow { table: Table::TestSignals, session, project, json: b"{}" };
    let part = RecordingPart { session, project, began_ms: 1, offset: 2, piece: body };
    let mut exts = [const { Vec::new() }; 3];
    let [of_images, of_row, of_part] = &mut exts;
    for (entry, content) in [
        (web.entry(), Content::WebBatch(web)),
        (mobile.entry(), Content::MobileBatch(mobile)),
        (sdk.entry(), Content::SdkBatch(sdk)),
        (mark_unusable(mobile.entry()), Content::UnusableBatch(unusable)),
        (start.entry(), Content::Start(start)),
        (images.entry(of_images), Content::Images(images)),
        (row.entry(of_row), Content::TableRow(row)),
        (part.entry(of_part), Content::RecordingPart(part)),
    ] {
        let record = stored(&entry);
        assert_eq!(Content::of(&record), content);
        let readings = [
            WebBatch::read(&record).is_some(),
            MobileBatch::read(&record).is_some(),
            SdkBatch::read(&record).is_some(),
            UnusableBatch::read(&record).is_some(),
            Start::read(&record).is_some(),
            Images::read(&record).is_some(),
            TableRow::read(&record).is_some(),
            RecordingPart::read(&record).is_some(),
        ];
        assert_eq!(readings.iter().filter(|read| **read).count(), 1, "{content:?}");
    }
}

#[test]
fn what_no_route_makes_is_something_else() {
    let part = RecordingPart { session: SessionId(7), project: 3, began_ms: 1, offset: 2, piece: b"x" };
    let mut ext = Vec::new();
    let entry = part.entry(&mut ext);
    for (kind, topic, flags) in [
        (Kind::Pad, Topic::None, Flags::NONE),
        (Kind::Tombstone, Topic::None, Flags::NONE),
        (Kind::Batch, Topic::None, Flags::NONE),
        (Kind::Batch, Topic::RawImages, Flags::NONE),
        (Kind::Sdk, Topic::Raw, Flags::NONE),
        (Kind::Start, Topic::RawAssets, Flags::NONE),
        (Kind::Image, Topic::Raw, Flags::UNUSABLE),
        (Kind::Row, Topic::None, Flags::NONE),
    ] {
        let other = Entry { kind, topic, flags, ..entry };
        assert_eq!(Content::of(&stored(&other)), Content::Other, "{kind} {topic}");
    }
}
