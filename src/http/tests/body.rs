use crate::http::{Body, BodyStatus, Buffer, Framing, Limits};

use super::harness::{agrees_with_reference, usual};
use super::reference::{Bounds, End};

fn chunked(text: &[u8], bounds: &Bounds) -> Result<Vec<u8>, u16> {
    let stream = [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", text].concat();
    match agrees_with_reference(&stream, bounds) {
        (mut requests, End::NeedsMore) => Ok(requests.pop().expect("a whole request").body),
        (_, End::Refused(status)) => Err(status),
    }
}

fn limits() -> Limits {
    Limits::default()
}

fn buffer(bytes: &[u8]) -> Buffer {
    Buffer::full(bytes)
}

#[test]
fn a_request_without_length_has_no_body() {
    let mut buf = buffer(b"headnext");
    let mut body = Body::new(Framing::None, 4, 0, &limits()).unwrap();
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::Done));
    assert_eq!((body.range(), body.consumed(), &buf[..]), (4..4, 4, &b"headnext"[..]));
}

#[test]
fn a_length_is_read_to_the_byte() {
    let mut buf = buffer(b"head12");
    let mut body = Body::new(Framing::Length(5), 4, 5, &limits()).unwrap();
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::More { want: 3 }));
    assert_eq!(&buf[body.range()], b"12");
    buf.extend_from_slice(b"345next");
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::Done));
    assert_eq!((&buf[body.range()], &buf[body.consumed()..]), (&b"12345"[..], &b"next"[..]));
}

#[test]
fn a_length_over_the_limit_is_refused_before_reading() {
    for length in [6, u64::MAX] {
        let refused = Body::new(Framing::Length(length), 4, 5, &limits()).map_err(|reject| reject.status);
        assert_eq!(refused.err(), Some(413));
    }
}

#[test]
fn what_is_asked_for_is_bounded() {
    let huge = i64::MAX as u64;
    let mut body = Body::new(Framing::Length(huge), 0, huge, &limits()).unwrap();
    assert_eq!(body.advance(&mut buffer(b"")), Ok(BodyStatus::More { want: 262_144 }));
    let mut body = Body::new(Framing::Chunked, 0, u64::MAX, &limits()).unwrap();
    assert_eq!(body.advance(&mut buffer(b"7fffffffffffffff\r\n")), Ok(BodyStatus::More { want: 262_144 }));
}

#[test]
fn chunks_are_joined_in_place_and_the_next_request_stays() {
    let mut buf = buffer(b"head3\r\nabc\r\n2;x\r\nd");
    let mut body = Body::new(Framing::Chunked, 4, 10, &limits()).unwrap();
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::More { want: 8 }));
    assert_eq!(&buf[..], b"headabcd", "nothing but decoded bytes is kept while the body is not whole");
    buf.extend_from_slice(b"e\r\n0\r\nTrailer: x\r\n\r\nGET /");
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::Done));
    assert_eq!((&buf[body.range()], &buf[body.consumed()..]), (&b"abcde"[..], &b"GET /"[..]));
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::Done), "and done it stays");
}

#[test]
fn chunk_sizes_are_hexadecimal_in_any_case() {
    let text = b"A\r\n0123456789\r\n00b ; x=\"a b\"\r\n0123456789a\r\n0;last\r\n\r\n";
    assert_eq!(chunked(text, &usual()), Ok(b"01234567890123456789a".to_vec()));
}

#[test]
fn chunks_are_refused_as_soon_as_they_announce_too_much() {
    let bounds = Bounds { body_bytes: 16, ..usual() };
    assert_eq!(chunked(b"10\r\n0123456789abcdef\r\n0\r\n\r\n", &bounds).map(|body| body.len()), Ok(16));
    assert_eq!(chunked(b"11", &bounds), Err(413));
    assert_eq!(chunked(b"f\r\n0123456789abcde\r\n2", &bounds), Err(413));
    assert_eq!(chunked(b"ffffffffffffffffffffffff", &usual()), Err(413));
    let mut body = Body::new(Framing::Chunked, 0, u64::MAX, &limits()).unwrap();
    let refused = body.advance(&mut buffer(b"10000000000000000"));
    assert_eq!(refused.map_err(|reject| reject.status), Err(413), "a size beyond 64 bits");
}

#[test]
fn chunk_lines_and_trailers_are_bounded() {
    let line = |len: usize| format!("0;{}\r\n\r\n", "x".repeat(len - 2)).into_bytes();
    assert_eq!(chunked(&line(256), &usual()), Ok(Vec::new()));
    assert_eq!(chunked(&line(257), &usual()), Err(400));
    let trailers = |len: usize| format!("0\r\nT:{}\r\n\r\n", "x".repeat(len - 6)).into_bytes();
    assert_eq!(chunked(&trailers(8192), &usual()), Ok(Vec::new()));
    assert_eq!(chunked(&trailers(8193), &usual()), Err(431));
}

/// Receives `input` in pieces of `size` and takes each decoded byte out at once, at most `most` at a time.
fn taken(framing: Framing, limit: u64, input: &[u8], size: usize, most: usize) -> Result<(Vec<u8>, Vec<u8>), u16> {
    let mut buf = buffer(b"head");
    let mut body = Body::new(framing, 4, limit, &limits()).map_err(|reject| reject.status)?;
    let mut whole = Vec::new();
    let mut pieces = input.chunks(size);
    loop {
        let status = body.advance(&mut buf).map_err(|reject| reject.status)?;
        let range = body.range();
        if !range.is_empty() {
            let count = range.len().min(most);
            whole.extend_from_slice(&buf[range.start..range.start + count]);
            body.take(most, &mut buf);
            assert_eq!((body.received() >= whole.len() as u64, &buf[..4]), (true, &b"head"[..]));
            continue;
        }
        if status == BodyStatus::Done {
            assert_eq!(body.received(), whole.len() as u64);
            let mut next = buf[body.consumed()..].to_vec();
            next.extend(pieces.flatten());
            return Ok((whole, next));
        }
        buf.extend_from_slice(pieces.next().expect("the body ends within the input"));
    }
}

#[test]
fn a_body_that_is_taken_out_piece_by_piece_is_the_same() {
    let data: Vec<u8> = (0..=255).collect();
    let plain = [&data[..], b"GET /"].concat();
    let chunks: Vec<u8> =
        data.chunks(100).flat_map(|c| [format!("{:x}\r\n", c.len()).as_bytes(), c, b"\r\n"].concat()).collect();
    let chunked = [&chunks[..], b"0\r\nTrailer: x\r\n\r\nGET /"].concat();
    for size in [1, 2, 7, 99, 100, 101, 300, 1000] {
        for most in [1, 50, 1000] {
            for (framing, input) in [(Framing::Length(256), &plain), (Framing::Chunked, &chunked)] {
                let expected = Ok((data.clone(), b"GET /".to_vec()));
                assert_eq!(taken(framing, 256, input, size, most), expected, "{framing:?} {size} {most}");
                assert_eq!(taken(framing, 255, input, size, most), Err(413), "{framing:?} {size} {most}");
            }
        }
    }
}
