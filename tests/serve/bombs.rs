//! A megabyte that inflates to a gigabyte: refused, in little memory.

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress};

use super::bodies::{WHOLE, coded_request};
use crate::common::{Home, Server};

const MIB: usize = 1 << 20;

/// The most that a browser may send by default.
const BODY_BYTES: usize = 1_000_000;

/// A piece of a stream again and again, up to the size of a body.
fn repeated(begin: &[u8], piece: &[u8], end: &[u8]) -> Vec<u8> {
    let mut body = begin.to_vec();
    while body.len() + piece.len() + end.len() <= BODY_BYTES {
        body.extend_from_slice(piece);
    }
    body.extend_from_slice(end);
    body
}

/// A mebibyte of zeros as bare deflate that ends on a byte and looks back to nothing.
fn deflated_mebibyte() -> Vec<u8> {
    let mut out = Vec::with_capacity(64 * 1024);
    let mut encoder = Compress::new(Compression::best(), false);
    encoder.compress_vec(&vec![0; MIB], &mut out, FlushCompress::Full).expect("memory takes it");
    out
}

/// As many megabytes of zeros as fit, in each coding.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let mut member = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![0; MIB]).expect("memory takes it");
    let member = member.finish().expect("memory takes it");
    let mut brotli = Vec::new();
    let mut ends = Vec::new();
    for flushes in 1..=2 {
        let mut out = Vec::new();
        let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 1, 22);
        for _ in 0..flushes {
            encoder.write_all(&vec![0; MIB]).and_then(|()| encoder.flush()).expect("memory takes it");
        }
        std::mem::forget(encoder);
        ends.push(out.len());
        brotli = out;
    }
    let frame = zstd::bulk::compress(&vec![0; MIB], 1).expect("memory takes it");
    vec![
        ("gzip", repeated(&[], &member, &[])),
        ("deflate", repeated(&[], &deflated_mebibyte(), &[3, 0])),
        ("br", repeated(&brotli[..ends[0]], &brotli[ends[0]..], &[3])),
        ("zstd", repeated(&[], &frame, &[])),
    ]
}

/// The most memory that the server has had, in bytes.
fn most_memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux tells");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}

#[test]
fn a_bomb_of_any_coding_is_refused_in_little_memory() {
    let home = Home::new();
    let server = home.serve(&[("check_bodies", "inline")]);
    let mut client = server.connect();
    let token = home.token(7);
    let bombs = bombs();
    // What a bomb needs when it is not one: a body of this size, and a window.
    for (coding, body) in &bombs {
        assert_eq!(client.exchange(coded_request(&token, coding, &body[..body.len() / 2])).status, 413, "{coding}");
    }
    let before = most_memory(&server);
    for (coding, body) in &bombs {
        for _ in 0..2 {
            let answer = client.exchange(coded_request(&token, coding, body));
            assert_eq!(answer.status, 413, "{coding}: {}", answer.text());
            assert!(answer.text().contains("http: request body too large"), "{coding}: {}", answer.text());
        }
    }
    let grown = most_memory(&server).saturating_sub(before);
    assert!(grown < 48 * MIB as u64, "{grown} bytes");
    assert_eq!(
        client.exchange(coded_request(&token, "zstd", &zstd::bulk::compress(WHOLE, 1).expect("packs"))).status,
        200
    );
    assert_eq!(home.stored().len(), 1);
}
