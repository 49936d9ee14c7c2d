use crate::api::body::BodyInspector;
use crate::log::format::record::{Encoding, Entry, Flags, Topic};

use super::*;

fn input<'a>(data_type: &'a str, query: &'a str, body: &'a [u8]) -> BatchInput<'a> {
    BatchInput {
        session: SessionId(5),
        project: 7,
        just_expired: false,
        data_type: Some(data_type.as_bytes()),
        content_encoding: None,
        query: Some(query.as_bytes()),
        body,
        inflate: false,
        inflated_limit: 1 << 20,
    }
}

/// Does everything that the server does with a batch, except storing it.
fn web_batch<'a>(
    input: &BatchInput<'a>,
    scratch: &mut BatchScratch,
    ext: &'a mut Vec<u8>,
) -> Result<Option<Entry<'a>>, Refusal> {
    let batch = read(*input, scratch, ext);
    let found = batch.question().map(|question| BodyInspector::default().look(&question, input.body));
    let judged = batch.judge(found, ext);
    match judged.refusal {
        Some(refusal) => Err(refusal),
        None => Ok((!input.body.is_empty()).then_some(judged.entry)),
    }
}

fn refusal(input: &BatchInput<'_>) -> (u16, String) {
    let error = web_batch(input, &mut BatchScratch::default(), &mut Vec::new()).expect_err("is refused");
    (error.status, error.text.to_string())
}

#[test]
fn a_batch_goes_where_its_data_type_says() {
    for (text, topic, data_type) in [
        ("", Topic::Raw, DataType::All),
        ("player", Topic::Raw, DataType::Player),
        ("assets", Topic::RawAssets, DataType::Assets),
        ("Assets", Topic::Raw, DataType::Other),
        ("analytics", Topic::Raw, DataType::Analytics),
    ] {
        let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
        let input = input(text, "", b"Q");
        let entry = web_batch(&input, &mut scratch, &mut ext).expect("is taken").expect("is stored");
        assert_eq!((entry.topic, entry.data_type), (topic, data_type), "{text}");
        assert_eq!(entry.label, None);
    }
}

#[test]
fn the_label_is_read_from_every_form_of_the_batch_parameter() {
    for (query, expected) in [
        ("batch=3_14&keepalive=no", Some((3, 14))),
        ("batch=3_14_1002_kyes&split=1", Some((3, 14))),
        ("batch=0_2_network%3A500_$3", Some((0, 2))),
        ("batch=a_2", None),
        ("batch=1", None),
        ("batch=1_99999999999", None),
        ("keepalive=no", None),
    ] {
        let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
        let input = input("player", query, b"Q");
        let entry = web_batch(&input, &mut scratch, &mut ext).expect("is taken").expect("is stored");
        assert_eq!(entry.label.map(|l| (l.page, l.number)), expected, "{query}");
    }
}

#[test]
fn a_visual_upload_is_one_record_cut_at_the_start_of_a_batch() {
    let body = b"Qaaa\x51bbb";
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    let good = input("visual", "batch=1_1_8_kno&split=4", body);
    let entry = web_batch(&good, &mut scratch, &mut ext).expect("is taken").expect("is stored");
    assert_eq!((entry.split, entry.topic), (4, Topic::Raw));
    assert!(entry.flags.contains(Flags::MAY_BE_SPLIT));
    for (query, text) in [
        ("split=x", "strconv.Atoi: parsing \"x\": invalid syntax"),
        ("split=9223372036854775808", "strconv.Atoi: parsing \"9223372036854775808\": value out of range"),
        ("split=0", "split value is out of range"),
        ("split=-1", "split value is out of range"),
        ("split=8", "split value is out of range"),
        ("split=3", "split does not point at the start of a batch"),
    ] {
        assert_eq!(refusal(&input("visual", query, body)), (400, text.to_owned()), "{query}");
    }
    assert!(web_batch(&input("visual", "split=%2B4", body), &mut scratch, &mut ext).is_ok());
}

/// A batch of two messages: a timestamp and a mouse move.
fn whole_batch(version: u8) -> Vec<u8> {
    vec![81, version, 2, 5, 0x20, 0, 0, 2, 0, 0, 0x90, 0x4e, 20, 3, 0, 0, 0xac, 2, 5]
}

/// The record of a `visual` upload without a split: how it is marked, and where it is cut.
fn unsplit(body: &[u8], coding: Option<&'static [u8]>, query: &str) -> (DataType, Topic, u32, Encoding) {
    let input = BatchInput { content_encoding: coding, ..input("visual", query, body) };
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    let entry = web_batch(&input, &mut scratch, &mut ext).expect("is taken").expect("is stored");
    assert_eq!(entry.payload, body);
    assert_eq!(entry.flags.contains(Flags::UNUSABLE), entry.topic == Topic::None);
    assert_eq!(entry.flags.contains(Flags::MAY_BE_SPLIT), entry.split > 0);
    (entry.data_type, entry.topic, entry.split, entry.encoding)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, plain).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn the_first_upload_of_a_page_without_style_sheet_or_image_is_a_player_batch() {
    let (player, assets) = (whole_batch(2), whole_batch(3));
    let glued = [&player[..], &assets].concat();
    let uncertain = [&glued[..], &[20, 9]].concat();
    let at = player.len() as u32;
    for query in ["", "batch=1_1_35_kno", "split=", "split=4;x=1", "Split=4"] {
        for (body, data_type, topic, split) in [
            (&player[..], DataType::Player, Topic::Raw, 0),
            (b"not a batch", DataType::Player, Topic::Raw, 0),
            (&glued, DataType::Visual, Topic::Raw, at),
            (&uncertain, DataType::Visual, Topic::None, 0),
        ] {
            assert_eq!(unsplit(body, None, query), (data_type, topic, split, Encoding::Identity), "{query}");
            let packed = gzip(body);
            assert_eq!(unsplit(&packed, Some(b"gzip"), query), (data_type, topic, split, Encoding::Gzip), "{query}");
        }
    }
    // A body that does not inflate is treated like any other batch.
    assert_eq!(unsplit(b"x", Some(b"gzip"), ""), (DataType::Player, Topic::Raw, 0, Encoding::Gzip));
    assert_eq!(unsplit(&glued, Some(b"br"), ""), (DataType::Visual, Topic::Raw, at, Encoding::Identity));
    let mut broken = BatchInput { content_encoding: Some(b"gzip"), inflate: true, ..input("visual", "", b"x") };
    assert_eq!(refusal(&broken).0, 413);
    broken.body = b"";
    broken.content_encoding = None;
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    assert!(web_batch(&broken, &mut scratch, &mut ext).expect("is taken").is_none());
}

#[test]
fn an_empty_body_is_answered_and_leaves_nothing() {
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    assert!(web_batch(&input("player", "", b""), &mut scratch, &mut ext).expect("is taken").is_none());
}

#[test]
fn broken_gzip_is_refused_only_where_it_is_looked_at() {
    let mut broken = input("player", "", b"not gzip");
    broken.content_encoding = Some(b"gzip");
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    let entry = web_batch(&broken, &mut scratch, &mut ext).expect("is taken").expect("is stored");
    assert_eq!(entry.encoding, Encoding::Gzip);
    broken.inflate = true;
    assert_eq!(refusal(&broken).0, 413);
    broken.inflate = false;
    broken.data_type = Some(b"visual");
    broken.query = Some(b"split=3");
    assert_eq!(refusal(&broken).0, 413);
}

#[test]
fn the_split_of_a_compressed_upload_is_looked_at_without_inflating_the_rest() {
    let plain = [&b"Qaaa\x51"[..], &[b'b'; 100_000]].concat();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &plain).expect("memory takes it");
    let packed = encoder.finish().expect("memory takes it");
    for inflate in [false, true] {
        let mut packed = BatchInput { content_encoding: Some(b"gzip"), inflate, ..input("visual", "split=4", &packed) };
        let mut scratch = BatchScratch::default();
        let split = |input: &BatchInput<'_>, scratch: &mut BatchScratch| {
            web_batch(input, scratch, &mut Vec::new()).map(|entry| entry.expect("is stored").split)
        };
        assert_eq!(split(&packed, &mut scratch).expect("is taken"), 4);
        for (query, text) in [
            ("split=5", "split does not point at the start of a batch"),
            ("split=200000", "split value is out of range"),
        ] {
            packed.query = Some(query.as_bytes());
            assert_eq!(refusal(&packed), (400, text.to_owned()), "{query} {inflate}");
        }
    }
}

#[test]
fn a_body_in_a_coding_is_stored_as_it_came_under_its_name() {
    let plain = [&b"Qaaa\x51"[..], &[b'b'; 1000]].concat();
    let packed = zstd::bulk::compress(&plain, 1).expect("memory takes it");
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    for inflate in [false, true] {
        let input = BatchInput { content_encoding: Some(b"zstd"), inflate, ..input("visual", "split=4", &packed) };
        let entry = web_batch(&input, &mut scratch, &mut ext).expect("is taken").expect("is stored");
        assert_eq!((entry.encoding, entry.split, entry.payload), (Encoding::Zstd, 4, &*packed));
    }
}

#[test]
fn a_body_that_is_not_what_it_says_is_bytes_as_they_are_but_gzip_is_binding() {
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    for coding in ["deflate", "br", "zstd", "GZIP", "gzip, br"] {
        let body = b"Qaaa\x51bbb";
        let mut wrong = input("visual", "split=4", body);
        wrong.content_encoding = Some(coding.as_bytes());
        wrong.inflate = true;
        let entry = web_batch(&wrong, &mut scratch, &mut ext).expect("is taken").expect("is stored");
        assert_eq!((entry.encoding, entry.split), (Encoding::Identity, 4), "{coding}");
    }
}

#[test]
fn a_batch_is_stored_as_what_it_is_whatever_a_proxy_made_of_its_label() {
    let plain = whole_batch(2);
    let packed = gzip(&plain);
    let brotli = {
        let mut packed = Vec::new();
        let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, 5, 22);
        // It begins with the first byte of a phone's batch.
        std::io::Write::flush(&mut encoder).expect("memory takes it");
        std::io::Write::write_all(&mut encoder, &plain).expect("memory takes it");
        drop(encoder);
        packed
    };
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    for inflate in [false, true] {
        for (label, body, encoding) in [
            (Some("gzip"), &plain, Encoding::Identity),
            (Some("zstd"), &plain, Encoding::Identity),
            (Some("br"), &plain, Encoding::Identity),
            (Some("deflate"), &plain, Encoding::Identity),
            (None, &packed, Encoding::Gzip),
            (Some("zstd"), &packed, Encoding::Gzip),
            (Some("br"), &brotli, Encoding::Br),
        ] {
            let content_encoding = label.map(str::as_bytes);
            let input = BatchInput { content_encoding, inflate, ..input("player", "batch=1_1", body) };
            let entry = web_batch(&input, &mut scratch, &mut ext).expect("is taken").expect("is stored");
            assert_eq!((entry.encoding, entry.payload), (encoding, &**body), "{label:?} {inflate}");
        }
    }
    // Too large to be inflated to its end just to check its label.
    let large = BatchInput { content_encoding: Some(b"br"), inflated_limit: 3, ..input("player", "", &brotli) };
    let entry = web_batch(&large, &mut scratch, &mut ext).expect("is taken").expect("is stored");
    assert_eq!(entry.encoding, Encoding::Br);
}

#[test]
fn what_can_not_be_used_is_kept_for_no_queue_and_never_cut() {
    let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
    let input = input("visual", "batch=3_1&split=99", b"Qaaa\x51bbb");
    let judged = read(input, &mut scratch, &mut ext).judge(None, &ext);
    assert!(judged.refusal.is_some());
    let entry = mark_unusable(judged.entry);
    assert_eq!((entry.topic, entry.split, entry.payload), (Topic::None, 0, input.body));
    assert!(entry.flags.contains(Flags::UNUSABLE));
    assert_eq!(entry.label, Some(Label { page: 3, number: 1 }));
}
