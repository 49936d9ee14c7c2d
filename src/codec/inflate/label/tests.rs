use super::*;

const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 4];

#[test]
fn a_label_that_was_left_or_dropped_is_seen_through_by_the_first_bytes() {
    use Coding::{Brotli, Deflate, Gzip, Zstd};
    let json: &[u8] = b" {\"a\":1}";
    for (label, plain, body, coding, judged) in [
        (None, Plain::Batch, GZIP, Some(Gzip), Label::Missing),
        (None, Plain::Json, ZSTD, Some(Zstd), Label::Missing),
        (None, Plain::Batch, &[81, 1][..], None, Label::Right),
        (None, Plain::Json, json, None, Label::Right),
        (None, Plain::Batch, &[0x1f], None, Label::Right),
        (Some("gzip"), Plain::Batch, GZIP, Some(Gzip), Label::Right),
        (Some("gzip"), Plain::Batch, ZSTD, Some(Zstd), Label::Wrong),
        (Some("zstd"), Plain::Json, GZIP, Some(Gzip), Label::Wrong),
        (Some("gzip"), Plain::Json, json, None, Label::Wrong),
        (Some("gzip"), Plain::Json, b"[1]", None, Label::Wrong),
        (Some("zstd"), Plain::Batch, &[107, 2], None, Label::Wrong),
        (Some(" gzip"), Plain::Batch, &[80, 2], None, Label::Wrong),
        (Some("gzip"), Plain::Batch, &[81, 2], None, Label::Wrong),
        // Neither compressed nor plain: the body is read as labelled.
        (Some("gzip"), Plain::Batch, b"x", Some(Gzip), Label::Right),
        (Some("gzip"), Plain::Batch, json, Some(Gzip), Label::Right),
        (Some("gzip"), Plain::Json, &[81], Some(Gzip), Label::Right),
        (Some("gzip"), Plain::Json, b"", Some(Gzip), Label::Right),
        // These codings can begin with any byte.
        (Some("br"), Plain::Batch, &[107], Some(Brotli), Label::InDoubt),
        (Some("deflate"), Plain::Json, json, Some(Deflate), Label::InDoubt),
        (Some("br"), Plain::Batch, GZIP, Some(Brotli), Label::Right),
        // OpenReplay does not know these names and takes the bodies as plain bytes.
        (Some("GZIP"), Plain::Batch, GZIP, None, Label::Right),
        (Some("gzip, br"), Plain::Json, GZIP, None, Label::Right),
        (Some("identity"), Plain::Json, json, None, Label::Right),
    ] {
        let reading = Coding::of_body(label.map(str::as_bytes), plain, body);
        assert_eq!(reading, Reading { coding, label: judged }, "{label:?} {plain:?} {body:?}");
    }
}

#[test]
fn a_doubt_that_is_settled_is_a_wrong_label() {
    let mut doubt = Reading { coding: Some(Coding::Brotli), label: Label::InDoubt };
    assert!(!doubt.is_mislabelled());
    doubt.turned_out_plain();
    assert_eq!(doubt, Reading { coding: None, label: Label::Wrong });
    let mut named = Reading { coding: Some(Coding::Brotli), label: Label::Right };
    named.turned_out_plain();
    assert_eq!(named, Reading { coding: None, label: Label::Right });
}
