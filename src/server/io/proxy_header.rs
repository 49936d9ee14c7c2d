//! The PROXY protocol: how a proxy that does not speak HTTP tells whom it connects
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, versions 1 and 2).
//!
//! With `proxy_protocol = "on"` each connection begins with a header, ahead of the first request. It is demanded, not
//! guessed: a server that took it from whoever sends one would believe anybody. Bytes in, a verdict out, no I/O; the header
//! may come in any pieces, and with the first request behind it.

use std::net::IpAddr;

use proxy_header::{Error, ParseConfig, ProxyHeader};

/// How version 2 begins.
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// How version 1 begins.
const V1_SIGNATURE: &[u8] = b"PROXY ";

/// The longest header of version 1, with its line end.
const V1_BYTES_MAX: usize = 107;

/// The longest header of version 2 that is read. What follows the addresses (names and certificates of TLS) is skipped, but
/// has to be received.
const V2_BYTES_MAX: usize = 4096;

/// What the bytes so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The beginning of a header.
    More,
    /// A header.
    Whole {
        /// Its length in bytes.
        bytes: usize,
        /// Whom the proxy connects; `None` if it speaks for itself (`LOCAL`, `UNKNOWN`).
        client: Option<IpAddr>,
    },
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// They begin otherwise.
    #[error("it does not begin with a PROXY header")]
    NoHeader,
    /// They are one that is longer than any we read.
    #[error("its PROXY header is too long")]
    TooLong,
    /// They begin as one does, and then break the rules.
    #[error("its PROXY header is malformed")]
    Malformed,
}

/// Looks for a header at the start of `buf`.
pub fn read(buf: &[u8]) -> Result<Step, Broken> {
    let bytes_max = match buf {
        [] => return Ok(Step::More),
        [b'P', ..] => signature(buf, V1_SIGNATURE)?.then_some(V1_BYTES_MAX),
        [b'\r', ..] => signature(buf, V2_SIGNATURE)?.then(|| v2_bytes(buf)).flatten(),
        _ => return Err(Broken::NoHeader),
    };
    let Some(bytes_max) = bytes_max else { return Ok(Step::More) };
    if bytes_max > V2_BYTES_MAX {
        return Err(Broken::TooLong);
    }
    let window = &buf[..buf.len().min(bytes_max)];
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    match ProxyHeader::parse(window, config) {
        Ok((header, bytes)) => {
            let client = header.proxied_address().map(|address| address.source.ip().to_canonical());
            Ok(Step::Whole { bytes, client })
        }
        // All that a header may have is there.
        Err(Error::BufferTooShort) if window.len() == bytes_max => Err(Broken::Malformed),
        Err(Error::BufferTooShort) => Ok(Step::More),
        Err(_) => Err(Broken::Malformed),
    }
}

/// Whether the signature is there whole.
fn signature(buf: &[u8], signature: &[u8]) -> Result<bool, Broken> {
    let got = buf.len().min(signature.len());
    if buf[..got] != signature[..got] {
        return Err(Broken::NoHeader);
    }
    Ok(got == signature.len())
}

/// The whole length of a header of version 2, once it is told.
fn v2_bytes(buf: &[u8]) -> Option<usize> {
    let length = buf.get(14..16)?;
    Some(16 + usize::from(u16::from_be_bytes([length[0], length[1]])))
}

#[cfg(test)]
mod tests {
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
            let whole = Ok(Step::Whole { bytes: bytes.len(), client });
            assert_eq!(read(&bytes), whole, "{}", bytes.escape_ascii());
            let with_request = [&bytes[..], b"POST /v1/web/i HTTP/1.1\r\n"].concat();
            assert_eq!(read(&with_request), whole, "{}", with_request.escape_ascii());
        }
    }

    #[test]
    fn a_header_may_come_in_any_pieces() {
        for (bytes, _) in headers() {
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Ok(Step::More), "{}", bytes[..end].escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_no_header_is_told_at_once() {
        for (bytes, fault) in [
            (&b"GET / HTTP/1.1\r\n"[..], Broken::NoHeader),
            (b"POST", Broken::NoHeader),
            (b"PROXY", Broken::NoHeader),
            (b"\r\nGET", Broken::NoHeader),
            (b"\x16\x03\x01", Broken::NoHeader),
            (b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 99999\r\n", Broken::Malformed),
            (b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 80\r\n", Broken::Malformed),
            (b"PROXY TCP5 198.51.100.7 10.0.0.1 4711 80\r\n", Broken::Malformed),
            (b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 80\rX", Broken::Malformed),
            (&[&b"PROXY UNKNOWN "[..], &[b'x'; 100]].concat(), Broken::Malformed),
            (&v2(0x31, 0x11, &[0; 12]), Broken::Malformed),
            (&v2(0x22, 0x11, &[0; 12]), Broken::Malformed),
            (&v2(0x21, 0x41, &[0; 12]), Broken::Malformed),
            (&v2(0x21, 0x11, &[0; 11]), Broken::Malformed),
            (&v2(0x21, 0x11, &[0; 5000])[..16], Broken::TooLong),
        ] {
            if bytes != b"PROXY" {
                assert_eq!(read(bytes), Err(fault), "{}", bytes.escape_ascii());
            }
        }
        assert_eq!(read(b"PROXX"), Err(Broken::NoHeader));
        assert_eq!(read(b"PROXY"), Ok(Step::More));
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
                } else if verdict != Ok(Step::More) {
                    settled = Some(verdict);
                }
                if let Ok(Step::Whole { bytes, .. }) = verdict {
                    prop_assert!(bytes <= end);
                }
            }
        }
    }
}
