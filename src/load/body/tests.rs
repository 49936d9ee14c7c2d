use std::io::Read;

use crate::load::plan::Tracker;
use crate::load::profile::{Profile, What};
use crate::tracker::{check, split_parts};

use super::*;

const BEGAN_MS: i64 = 1_800_000_000_000;
const NOW_MS: i64 = BEGAN_MS + 12_345;

fn all() -> impl Iterator<Item = Template> {
    let steps = Tracker::ALL.into_iter().flat_map(|tracker| Profile::of(tracker, BEGAN_MS).steps);
    let batches = steps.flat_map(|step| match step.what {
        What::Send(batches) | What::Hide(batches) | What::Leave(batches) => batches,
        What::Start | What::Tags | What::Flags => Vec::new(),
    });
    batches.filter_map(|batch| batch.body)
}

fn inflated(body: &Body) -> Vec<u8> {
    if !body.packed {
        return body.bytes.to_vec();
    }
    let mut out = Vec::new();
    // One member: whatever follows it would be left over.
    let mut decoder = flate2::bufread::GzDecoder::new(&body.bytes[..]);
    decoder.read_to_end(&mut out).unwrap();
    assert!(decoder.into_inner().is_empty());
    out
}

#[test]
fn every_body_is_a_whole_batch_of_now_with_its_mark_packed_or_not() {
    let mut seen = 0;
    for template in all() {
        let (raw, packed) = (template.body(NOW_MS, "r.1.1", usize::MAX), template.body(NOW_MS, "r.1.1", 0));
        assert!(!raw.packed && packed.packed);
        assert_eq!(inflated(&raw), inflated(&packed));
        let bytes = inflated(&packed);
        let (first, second) = split_parts(&bytes, packed.split).unwrap();
        for part in [Some(first), second].into_iter().flatten() {
            let mut reader = read_batch(part, Era::Main);
            let times: Vec<_> = reader.by_ref().map(|message| message.unwrap().timestamp_ms).collect();
            // A visit is over within two minutes.
            assert!(times.iter().all(|time| (time - BEGAN_MS).abs() < 120_000), "{times:?}");
        }
        let mut reader = read_batch(first, Era::Main);
        reader.next().unwrap().unwrap();
        let meta = reader.meta().unwrap();
        assert_eq!(meta.timestamp_ms, NOW_MS);
        assert!(meta.location.ends_with(b"load=r.1.1"), "{:?}", String::from_utf8_lossy(meta.location));
        check(first, None, Era::Main).unwrap();
        seen += 1;
    }
    assert!(seen >= 30, "{seen}");
}

#[test]
fn two_marks_make_two_bodies() {
    let template = all().next().unwrap();
    assert_ne!(template.body(NOW_MS, "r.1.1", 0).bytes, template.body(NOW_MS, "r.1.2", 0).bytes);
    assert_eq!(template.body(NOW_MS, "r.1.1", 0).bytes, template.body(NOW_MS, "r.1.1", 0).bytes);
}

#[test]
fn what_is_no_batch_is_no_template() {
    for bad in [&b""[..], b"\x51", b"hello", b"\x00\x01"] {
        assert!(Template::new(bad, None, 0).is_none(), "{bad:?}");
    }
    let body = all().next().unwrap().body(NOW_MS, "m", usize::MAX).bytes;
    assert!(Template::new(&body, Some(body.len() + 1), 0).is_none());
    assert!(Template::new(&body, None, 0).is_some());
}
