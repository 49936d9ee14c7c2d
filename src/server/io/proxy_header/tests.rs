use proptest::prelude::*;
use proxy_header::ProxiedAddress;

use super::*;

fn header(source: &str, destination: &str, version: u8) -> Vec<u8> {
    let address = |text: &str| text.parse().expect("an address");
    let header = ProxyHeader::with_address(ProxiedAddress::stream(address(source), address(destination)));
    let mut bytes = Vec::new();
    let encoded = if version == 1 { header.encode_v1(&mut bytes) } else { header.encode_v2(&mut bytes) };
    encoded.expect("it can be written");
    bytes
}

/// A header of version 2 by its parts.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = (rest.len() as u16).to_be_bytes();
    [V2_SIGNATURE, &[command, family], &length, rest].concat()
}

fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let v4 = [198, 51, 100, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
    let with_tlv = [&v4[..], &[0x03, 0, 4, 1, 2, 3, 4], &[0x20, 0, 200], &[7; 200]].concat();
    vec![
        (header("198.51.100.7:4711", "10.0.0.1:80", 1), Some("198.51.100.7")),
        (header("[2001:db8::7]:4711", "[2001:db8::1]:80", 1), Some("2001:db8::7")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (b"PROXY UNKNOWN ffff:f::f ffff:f::f 65535 65535\r\n".to_vec(), None),
        (header("198.51.100.7:4711", "10.0.0.1:80", 2), Some("198.51.100.7")),
        (header("[2001:db8::7]:4711", "[2001:db8::1]:80", 2), Some("2001:db8::7")),
        (header("[::ffff:198.51.100.7]:4711", "[::ffff:10.0.0.1]:80", 2), Some("198.51.100.7")),
        (v2(0x21, 0x11, &with_tlv), Some("198.51.100.7")),
        (v2(0x20, 0x00, &[]), None),
        (v2(0x20, 0x11, &v4), None),
        (v2(0x21, 0x00, &[1, 2, 3]), None),
        (v2(0x21, 0x31, &[0; 216]), None),
    ]
}

#[test]
fn a_header_names_the_client_and_ends_where_the_request_begins() {
    for (bytes, client) in headers() {
        let client = client.map(|text| text.parse().expect("an address"));
        let whole = Ok(HeaderStatus::Complete { bytes: bytes.len(), client });
        assert_eq!(read(&bytes), whole, "{}", bytes.escape_ascii());
        let with_request = [&bytes[..], b"POST /v1/web/i HTTP/1.1\r\n"].concat();
        assert_eq!(read(&with_request), whole, "{}", with_request.escape_ascii());
    }
}

#[test]
fn a_header_may_come_in_any_pieces() {
    for (bytes, _) in headers() {
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Ok(HeaderStatus::Partial), "{}", bytes[..end].escape_ascii());
        }
    }
}

#[test]
fn what_is_no_header_is_told_at_once() {
    for (bytes, fault) in [
        (&b"GET / HTTP/1.1\r\n"[..], HeaderError::NoHeader),
        (b"POST", HeaderError::NoHeader),
        (b"PROXY", HeaderError::NoHeader),
        (b"\r\nGET", HeaderError::NoHeader),
        (b"\x16\x03\x01", HeaderError::NoHeader),
        (b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 99999\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 80\r\n", HeaderError::Malformed),
        (b"PROXY TCP5 198.51.100.7 10.0.0.1 4711 80\r\n", HeaderError::Malformed),
        (b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 80\rX", HeaderError::Malformed),
        (&[&b"PROXY UNKNOWN "[..], &[b'x'; 100]].concat(), HeaderError::Malformed),
        (&v2(0x31, 0x11, &[0; 12]), HeaderError::Malformed),
        (&v2(0x22, 0x11, &[0; 12]), HeaderError::Malformed),
        (&v2(0x21, 0x41, &[0; 12]), HeaderError::Malformed),
        (&v2(0x21, 0x11, &[0; 11]), HeaderError::Malformed),
        (&v2(0x21, 0x11, &[0; 5000])[..16], HeaderError::TooLong),
    ] {
        if bytes != b"PROXY" {
            assert_eq!(read(bytes), Err(fault), "{}", bytes.escape_ascii());
        }
    }
    assert_eq!(read(b"PROXX"), Err(HeaderError::NoHeader));
    assert_eq!(read(b"PROXY"), Ok(HeaderStatus::Partial));
}

proptest! {
    /// Any bytes have a verdict, and no verdict but `More` changes when more bytes follow.
    #[test]
    fn a_verdict_holds_for_whatever_follows(
        start in prop::sample::select(vec![&b""[..], b"PROXY ", b"PROXY TCP4 ", b"PROXY UNKNOWN", V2_SIGNATURE]),
        middle in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b" .:0129\r\n!\"\x11\x21\0"[..])], 0..150),
    ) {
        let bytes = [start, &middle].concat();
        let mut settled = None;
        for end in 0..=bytes.len() {
            let verdict = read(&bytes[..end]);
            if let Some(settled) = settled {
                prop_assert_eq!(verdict, settled);
            } else if verdict != Ok(HeaderStatus::Partial) {
                settled = Some(verdict);
            }
            if let Ok(HeaderStatus::Complete { bytes, .. }) = verdict {
                prop_assert!(bytes <= end);
            }
        }
    }
}
