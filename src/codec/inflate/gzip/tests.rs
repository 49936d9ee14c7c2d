use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::codec::inflate::{Coding, Inflater};

use super::*;

fn pack(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn inflate(body: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let mut out = b"left from before".to_vec();
    Inflater::new().inflate(Coding::Gzip, body, limit, &mut out).map(|()| out).map_err(|error| error.to_string())
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn members_in_a_row_are_one_stream() {
    let body = joined(&[&pack(b""), &pack(b"{\"a\":"), &pack(b"1}")]);
    assert_eq!(inflate(&body, 100).unwrap(), b"{\"a\":1}");
}

#[test]
fn a_reused_inflater_starts_afresh() {
    let mut inflater = Inflater::new();
    let mut out = Vec::new();
    let body = pack(&[b'x'; 50_000]);
    assert!(inflater.inflate(Coding::Gzip, &body[..30], 100_000, &mut out).is_err());
    inflater.inflate(Coding::Gzip, &body, 100_000, &mut out).unwrap();
    assert_eq!(out.len(), 50_000);
}

#[test]
fn broken_bodies_are_refused_with_the_texts_of_go() {
    let good = pack(b"{\"projectKey\":\"x\"}");
    let mut bad_sum = good.clone();
    let sum_at = bad_sum.len() - 8;
    bad_sum[sum_at] ^= 1;
    let mut bad_data = good.clone();
    bad_data[10..14].fill(0xff);
    let mut reserved = good.clone();
    reserved[3] = 0x80;
    for (body, text) in [
        (Vec::new(), "can't create gzip reader: EOF"),
        (vec![0x1f], "can't create gzip reader: unexpected EOF"),
        (b"{\"projectKey\": \"x\"}".to_vec(), "can't create gzip reader: gzip: invalid header"),
        (reserved, "can't create gzip reader: gzip: invalid header"),
        (good[..12].to_vec(), "can't read gzip body: unexpected EOF"),
        (good[..good.len() - 7].to_vec(), "can't read gzip body: unexpected EOF"),
        (bad_sum, "can't read gzip body: gzip: invalid checksum"),
        (bad_data, "can't read gzip body: flate: corrupt input before offset 1"),
        (joined(&[&good, b"x"]), "can't read gzip body: unexpected EOF"),
        (joined(&[&good, b"garbage-garbage-1234"]), "can't read gzip body: gzip: invalid header"),
        (joined(&[&good, &[0; 512]]), "can't read gzip body: gzip: invalid header"),
    ] {
        assert_eq!(inflate(&body, 1_000).unwrap_err(), text);
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let packed = pack(&[b' '; 1_000_000]);
    assert!(packed.len() < 2_000);
    assert_eq!(inflate(&packed, 999_999).unwrap_err(), "can't read gzip body: http: request body too large");
    assert_eq!(inflate(&packed, 1_000_000).unwrap().len(), 1_000_000);
    assert!(inflate(&joined(&[&packed, &packed]), 1_500_000).is_err());
}

#[test]
fn every_optional_header_field_is_passed_over_and_its_checksum_verified() {
    let good = pack(b"{}");
    let mut head = vec![0x1f, 0x8b, 8, 0b1_1110, 0, 0, 0, 0, 0, 255];
    head.extend_from_slice(&[3, 0, 1, 2, 3]);
    head.extend_from_slice(b"name\0comment\0");
    let mut crc = Crc::new();
    crc.update(&head);
    let sum = (crc.sum() as u16).to_le_bytes();
    let data = &good[10..];
    assert_eq!(inflate(&joined(&[&head, &sum, data]), 9).unwrap(), b"{}");
    let wrong = [sum[0] ^ 1, sum[1]];
    assert_eq!(
        inflate(&joined(&[&head, &wrong, data]), 9).unwrap_err(),
        "can't create gzip reader: gzip: invalid header"
    );
    for end in 1..head.len() {
        assert_eq!(inflate(&head[..end], 9).unwrap_err(), "can't create gzip reader: unexpected EOF");
    }
    head[3] = 1 << 3;
    head.truncate(10);
    head.extend_from_slice(&[b'n'; 600]);
    assert_eq!(inflate(&head, 9).unwrap_err(), "can't create gzip reader: gzip: invalid header");
}
