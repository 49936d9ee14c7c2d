use super::harness::{agrees_with_reference, usual};
use super::reference::{Bounds, End};
use crate::http::{Body, BodyStatus, Framing, Limits};

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

#[test]
fn a_request_without_length_has_no_body() {
    let mut buf = b"headnext".to_vec();
    let mut body = Body::new(Framing::None, 4, 0, &limits()).unwrap();
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::Done));
    assert_eq!((body.range(), body.consumed(), &buf[..]), (4..4, 4, &b"headnext"[..]));
}

#[test]
fn a_length_is_read_to_the_byte() {
    let mut buf = b"head12".to_vec();
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
    assert_eq!(body.advance(&mut Vec::new()), Ok(BodyStatus::More { want: 262_144 }));
    let mut body = Body::new(Framing::Chunked, 0, u64::MAX, &limits()).unwrap();
    assert_eq!(body.advance(&mut b"7fffffffffffffff\r\n".to_vec()), Ok(BodyStatus::More { want: 262_144 }));
}

#[test]
fn chunks_are_joined_in_place_and_the_next_request_stays() {
    let mut buf = b"head3\r\nabc\r\n2;x\r\nd".to_vec();
    let mut body = Body::new(Framing::Chunked, 4, 10, &limits()).unwrap();
    assert_eq!(body.advance(&mut buf), Ok(BodyStatus::More { want: 8 }));
    assert_eq!(&buf, b"headabcd", "nothing but decoded bytes is kept while the body is not whole");
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
    let refused = body.advance(&mut b"10000000000000000".to_vec());
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

#[test]
fn a_body_can_be_used_piece_by_piece_within_one_limit() {
    let limits = Limits::default();
    let chunked = b"HEAD5\r\nabcde\r\n3;x=y\r\nfgh\r\n0\r\n\r\nNEXT";
    let plain = b"HEADabcdefghNEXT";
    for (framing, wire) in [(Framing::Chunked, &chunked[..]), (Framing::Length(8), &plain[..])] {
        for step in 1..wire.len() {
            let mut body = Body::new(framing, 4, 8, &limits).expect("within the limit");
            let (mut buf, mut rest, mut got) = (wire[..4].to_vec(), &wire[4..], Vec::new());
            loop {
                let status = body.advance(&mut buf).expect("well formed");
                got.extend_from_slice(&buf[body.range()]);
                body.discard(&mut buf);
                assert_eq!((&buf[..4], body.range()), (&b"HEAD"[..], 4..4));
                if status == BodyStatus::Done {
                    break;
                }
                let (now, later) = rest.split_at(step.min(rest.len()));
                buf.extend_from_slice(now);
                rest = later;
            }
            assert_eq!(got, b"abcdefgh", "{framing:?} in steps of {step}");
            assert_eq!([&buf[body.consumed()..], rest].concat(), b"NEXT", "{framing:?} in steps of {step}");
        }
    }
    let mut body = Body::new(Framing::Chunked, 0, 8, &limits).expect("no length is announced");
    let mut buf = b"5\r\nabcde\r\n".to_vec();
    body.advance(&mut buf).expect("within the limit");
    body.discard(&mut buf);
    buf.extend_from_slice(b"4\r\n");
    assert_eq!(body.advance(&mut buf).map_err(|reject| reject.status), Err(413), "what was used counts");
}
