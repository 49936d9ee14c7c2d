use crate::api::body::BodyInspector;
use crate::log::format::record::{Encoding, Kind, Topic};

use super::*;

fn judge(body: &[u8], content_encoding: Option<&[u8]>, inflate: bool) -> Result<Encoding, (u16, String)> {
    let input =
        SdkBatchInput { session: SessionId(7), project: 3, content_encoding, body, inflate, inflated_limit: 1000 };
    let batch = read(input);
    let found = batch.question().map(|question| BodyInspector::default().look(&question, body));
    let Judged { entry, refusal, .. } = batch.judge(found, &[]);
    if let Some(refusal) = refusal {
        return Err((refusal.status, refusal.text.into_owned()));
    }
    assert_eq!((entry.kind, entry.topic, entry.payload), (Kind::Sdk, Topic::RawAnalytics, body));
    Ok(entry.encoding)
}

#[test]
fn events_are_stored_as_they_came() {
    assert_eq!(judge(br#"{"data":{}}"#, None, true), Ok(Encoding::Identity));
    assert_eq!(judge(b"not json", Some(b"GZIP"), true), Ok(Encoding::Identity));
    assert_eq!(judge(b"x", Some(b"gzip"), false), Ok(Encoding::Gzip));
    assert_eq!(judge(b"not deflate", Some(b"deflate"), true), Ok(Encoding::Identity));
}

#[test]
fn events_are_stored_as_what_they_are_whatever_a_proxy_made_of_their_label() {
    let gzip = [0x1f, 0x8b, 8, 0];
    for inflate in [false, true] {
        for label in ["gzip", "zstd", "deflate", "br"] {
            let stored = judge(br#"{"data":{}}"#, Some(label.as_bytes()), inflate);
            assert_eq!(stored, Ok(Encoding::Identity), "{label}");
        }
    }
    assert_eq!(judge(&gzip, None, false), Ok(Encoding::Gzip));
}

#[test]
fn events_that_do_not_inflate_are_refused_where_they_are_looked_at() {
    let text = "can't create gzip reader: unexpected EOF".to_owned();
    assert_eq!(judge(b"x", Some(b" gzip"), true), Err((413, text)));
}
