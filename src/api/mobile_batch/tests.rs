use crate::api::body::BodyInspector;
use crate::log::format::record::{Encoding, Kind, Topic};

use super::*;

fn input(body: &[u8]) -> MobileBatchInput<'_> {
    MobileBatchInput { session: SessionId(7), project: 3, just_expired: false, body, inflate: Some(1000) }
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, body).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn how_a_batch_is_compressed_is_seen_and_not_believed() {
    let (plain, packed) = (b"k plain".to_vec(), packed(b"k plain"));
    for (body, encoding) in [(&plain, Encoding::Identity), (&packed, Encoding::Gzip)] {
        let entry = input(body).judge(None, &[]).entry;
        assert_eq!((entry.encoding, entry.topic, entry.kind), (encoding, Topic::RawIos, Kind::Batch));
        assert_eq!(entry.payload, body);
    }
}

#[test]
fn a_batch_that_does_not_inflate_is_the_clients_fault_where_it_is_looked_at() {
    let whole = packed(&[b'k'; 2000]);
    let mut damaged = packed(b"k plain");
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    for (body, status, text) in [
        (&whole[..], 413, "http: request body too large"),
        (&damaged[..], 400, "gzip: invalid checksum"),
        (&damaged[..12], 400, "unexpected EOF"),
        (&[0x1f, 0x8b][..], 400, "unexpected EOF"),
        (&[0x1f, 0x8b, 9, 0, 0, 0, 0, 0, 0, 0][..], 400, "gzip: invalid header"),
    ] {
        let question = input(body).question().expect("is looked into");
        let found = BodyInspector::default().look(&question, body);
        let refusal = input(body).judge(Some(found), &[]).refusal.expect("is refused");
        assert_eq!((refusal.status, &*refusal.text), (status, text));
        assert_eq!(MobileBatchInput { inflate: None, ..input(body) }.question(), None);
    }
}
