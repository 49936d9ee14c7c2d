use std::io::Write;

use base64::prelude::{BASE64_STANDARD as STANDARD, Engine};
use flate2::Compression;
use flate2::write::GzEncoder;
use uuid::Uuid;

use crate::log::format::record::{DataType, Ext, ExtWriter, Flags, Kind, RecordId, ext_type};

use super::*;

fn record<'a>(kind: Kind, topic: Topic, ext: &'a [u8], payload: &'a [u8]) -> Record<'a> {
    Record {
        id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: 4096 },
        order_us: 1,
        kind,
        topic,
        data_type: DataType::All,
        encoding: Encoding::Identity,
        session: 7,
        project: 1,
        split: 0,
        label: None,
        flags: Flags::NONE,
        payload_crc: 0,
        ext: Ext(ext),
        payload,
    }
}

fn messages(record: &Record<'_>, limit: usize) -> Result<Vec<(Topic, Vec<u8>)>, CannotSend> {
    let mut all = Vec::new();
    let sent = QueueMessages::new(limit, 10_000).of(record, |message| {
        assert_eq!(message.session, 7);
        all.push((message.topic, message.bytes.to_vec()));
    });
    assert!(sent.is_ok() || all.is_empty(), "a record goes whole or not at all");
    sent.map(|()| all)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all")
}

fn name_ext(name: &str) -> Vec<u8> {
    let mut ext = Vec::new();
    ExtWriter::new(&mut ext).push(ext_type::FILE_NAME, name.as_bytes()).expect("a name fits");
    ext
}

fn frame(at_ms: u64, picture: &[u8]) -> Vec<u8> {
    [&at_ms.to_le_bytes()[..], &(picture.len() as u32).to_le_bytes(), picture].concat()
}

/// A page's metadata, and mouse moves.
fn batch(version: u8, moves: usize) -> Vec<u8> {
    let head = [81, version, 2, 5, 0, 0];
    let moves = [20, 2, 0, 0, 1, 2].repeat(moves);
    [&head[..], &moves].concat()
}

#[test]
fn pictures_are_wrapped_as_go_prints_them() {
    // Recorded from OpenReplay's own service.
    let stream = [frame(1_710_417_074_100, b"A"), frame(1_710_417_074_200, b"B")].concat();
    let known = r#"{"Name":"1710417074000_3.jpeg","Data":"tFfNPI4BAAABAAAAQRhYzTyOAQAAAQAAAEI="}"#;
    let ext = name_ext("1710417074000_3.jpeg");
    let image = record(Kind::Image, Topic::CanvasImages, &ext, &stream);
    assert_eq!(messages(&image, 1000).expect("fits"), [(Topic::CanvasImages, known.as_bytes().to_vec())]);
    let unnamed = record(Kind::Image, Topic::RawImages, &[], &stream);
    let known = r#"{"Name":"","Data":"tFfNPI4BAAABAAAAQRhYzTyOAQAAAQAAAEI="}"#;
    assert_eq!(messages(&unnamed, 1000).expect("fits"), [(Topic::RawImages, known.as_bytes().to_vec())]);
}

#[test]
fn pictures_are_cut_between_frames_and_never_within() {
    let frames: Vec<Vec<u8>> = (1..8).map(|at| frame(at, &vec![at as u8; 9 * at as usize])).collect();
    let stream = frames.concat();
    let ext = name_ext("1_2.webp");
    let image = record(Kind::Image, Topic::CanvasImages, &ext, &stream);
    let largest = message_bytes(8, frames[6].len());
    for limit in [largest, largest + 1, largest + 60, 10_000] {
        let all = messages(&image, limit).expect("each frame fits");
        let mut together = Vec::new();
        for (_, bytes) in &all {
            assert!(bytes.len() <= limit);
            let json: serde_json::Value = serde_json::from_slice(bytes).expect("is JSON");
            let data = STANDARD.decode(json["Data"].as_str().expect("a text")).expect("is base64");
            let mut read = Frames::new(&data);
            assert!(read.by_ref().count() > 0 && read.rest.is_empty());
            together.extend(data);
        }
        assert_eq!(together, stream);
        assert_eq!(all.len() == 1, limit == 10_000);
    }
    assert!(matches!(messages(&image, largest - 1), Err(CannotSend::TooLarge { .. })));
    let broken = record(Kind::Image, Topic::CanvasImages, &ext, &stream[..stream.len() - 1]);
    assert!(matches!(messages(&broken, 10_000), Err(CannotSend::Frames)));
}

#[test]
fn batches_go_inflated_and_a_visual_upload_goes_as_two() {
    let (player, assets) = (batch(2, 3), batch(3, 2));
    let both = gzip(&[&player[..], &assets].concat());
    let mut visual = record(Kind::Batch, Topic::Raw, &[], &both);
    (visual.encoding, visual.split) = (Encoding::Gzip, player.len() as u32);
    assert_eq!(messages(&visual, 1000).expect("fits"), [(Topic::Raw, player.clone()), (Topic::RawAssets, assets)]);
    visual.split += 1;
    assert!(matches!(messages(&visual, 1000), Err(CannotSend::Split(_))));
    let mobile = record(Kind::Batch, Topic::RawIos, &[], b"whatever it is");
    assert_eq!(messages(&mobile, 1000).expect("fits"), [(Topic::RawIos, b"whatever it is".to_vec())]);
}

#[test]
fn a_large_batch_is_cut_between_messages() {
    let whole = batch(2, 100);
    let large = record(Kind::Batch, Topic::Raw, &[], &whole);
    let all = messages(&large, 100).expect("can be cut");
    assert!(all.len() > 6 && all.iter().all(|(topic, bytes)| *topic == Topic::Raw && bytes.len() <= 100));
    let moves: usize = all.iter().map(|(_, bytes)| (bytes.len() - 6) / 6).sum();
    assert_eq!(moves, 100);
    assert!(matches!(messages(&large, 10), Err(CannotSend::TooLarge { .. })));
    let broken = record(Kind::Batch, Topic::Raw, &[], &whole[..whole.len() - 1]);
    assert!(matches!(messages(&broken, 100), Err(CannotSend::Broken(_))));
    assert_eq!(messages(&broken, 1000).expect("what fits is not looked into").len(), 1);
}

#[test]
fn what_inflates_is_bounded() {
    let bomb = gzip(&vec![0; 10_001]);
    let mut batch = record(Kind::Batch, Topic::Raw, &[], &bomb);
    batch.encoding = Encoding::Gzip;
    assert!(matches!(messages(&batch, 100_000), Err(CannotSend::Inflate(error)) if error.is_too_large()));
}

#[test]
fn starts_and_sdk_go_as_they_are_and_the_rest_stays() {
    let start = record(Kind::Start, Topic::Raw, &[], b"\x01start");
    assert_eq!(messages(&start, 100).expect("fits"), [(Topic::Raw, b"\x01start".to_vec())]);
    assert!(matches!(messages(&start, 5), Err(CannotSend::TooLarge { bytes: 6, limit: 5 })));
    let packed = gzip(b"{}");
    let mut sdk = record(Kind::Sdk, Topic::RawAnalytics, &[], &packed);
    sdk.encoding = Encoding::Gzip;
    assert_eq!(messages(&sdk, 100).expect("fits"), [(Topic::RawAnalytics, b"{}".to_vec())]);
    for kind in [Kind::Row, Kind::Recording, Kind::Pad, Kind::Tombstone] {
        assert!(messages(&record(kind, Topic::None, &[], b"x"), 100).expect("is nothing").is_empty());
    }
    let mut unusable = record(Kind::Image, Topic::CanvasImages, &[], b"broken end");
    unusable.flags = Flags::UNUSABLE;
    assert!(messages(&unusable, 100).expect("is nothing").is_empty());
    assert!(messages(&record(Kind::Batch, Topic::Raw, &[], b""), 100).expect("is nothing").is_empty());
}
