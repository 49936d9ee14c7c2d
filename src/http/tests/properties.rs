use proptest::prelude::*;
use proptest::sample::select;

use super::corpus::{BAD, GOOD};
use super::harness::{SMALL, agrees_with_reference, decode_in_pieces, usual};
use super::reference;

/// Bytes that mean something to a parser, to be put in anywhere.
const TELLING: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"\0",
    b"\x7f",
    b"\x80",
    b"%",
    b"0",
    b"f",
    b"?",
    b"/",
    b"*",
    b"\r\n\r\n",
    b"close",
    b"chunked",
    b"HTTP/1.1",
    b"Host: a\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
];

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![40 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\r\n"), 1 => Just(" \r\n")]
}

fn header_line() -> impl Strategy<Value = String> {
    let names = vec![
        "Host",
        "host",
        "HOST ",
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "TRANSFER-ENCODING",
        "Connection",
        "Expect",
        "X",
        "x-long-name-that-fills-the-head",
        "",
        " X",
        "Bad(Name",
    ];
    let values = vec![
        "a",
        "a:1",
        "[::1]:2",
        "",
        "a b",
        "0",
        "3",
        "03",
        "+3",
        "3, 3",
        "40",
        "41",
        "99999999999999999999",
        "chunked",
        "Chunked",
        "gzip",
        "gzip, chunked",
        "close",
        "keep-alive",
        "x, CLOSE",
        "100-continue",
        "100-Continue,",
        "other",
        "v\u{e9}",
        "\0",
    ];
    let blanks = vec!["", " ", "\t", " \t "];
    (select(names), select(blanks.clone()), select(values), select(blanks), line_end())
        .prop_map(|(name, before, value, after, end)| format!("{name}:{before}{value}{after}{end}"))
}

fn body() -> impl Strategy<Value = String> {
    let chunks =
        prop::collection::vec((0_usize..20, select(vec!["", ";x", " ;y=z", " ", ";\u{e9}"]), line_end()), 0..4);
    let trailers =
        select(vec!["", "T: v\r\n", "A:\r\nB: c\r\n", " T: v\r\n", "T\r\n", "Long: 01234567890123456789\r\n"]);
    let chunked = (chunks, trailers, line_end()).prop_map(|(chunks, trailers, end)| {
        let mut text = String::new();
        for (size, extension, end) in chunks {
            text += &format!("{size:x}{extension}{end}{}\r\n", "d".repeat(size));
        }
        format!("{text}0\r\n{trailers}{end}")
    });
    prop_oneof![Just(String::new()), Just("abc".to_owned()), chunked]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let starts = vec!["", "", "", "", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n", "\n"];
    let methods =
        vec!["GET", "POST", "POST", "OPTIONS", "HEAD", "CONNECT", "post", "G(T", "LONGMETHODLONGMETHODLONGMETHODLONG"];
    let targets = vec![
        "/",
        "/",
        "/i?a=b",
        "*",
        "http://h",
        "http://h:1/p?q",
        "https://",
        "x",
        "",
        "/%20",
        "/\u{e9}",
        "/exactly-twenty-four-byt",
        "/exactly-twenty-five-byte",
        "/a b",
    ];
    let versions =
        vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/1.10", "http/1.1", ""];
    let line = (select(starts), select(methods), select(targets), select(versions), line_end());
    let host = select(vec!["Host: a\r\n", "Host: a\r\n", "Host: a\r\n", ""]);
    let framing =
        select(vec!["", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "transfer-encoding:\tCHUNKED\r\n"]);
    (line, host, framing, prop::collection::vec(header_line(), 0..4), line_end(), body()).prop_map(
        |((start, method, target, version, line_end), host, framing, headers, end, body)| {
            let headers = headers.concat();
            format!("{start}{method} {target} {version}{line_end}{host}{framing}{headers}{end}{body}").into_bytes()
        },
    )
}

fn corpus_stream() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<&[u8]> = GOOD.iter().copied().chain(BAD.iter().map(|(_, stream)| *stream)).collect();
    prop::collection::vec(select(all), 1..3).prop_map(|streams| streams.concat())
}

/// A stream of requests with up to two changes at random places.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let streams = prop_oneof![
        2 => prop::collection::vec(request(), 1..3).prop_map(|requests| requests.concat()),
        1 => corpus_stream(),
    ];
    (streams, prop::collection::vec(change(), 0..3)).prop_map(|(stream, changes)| apply(stream, changes))
}

/// Where something is changed, how many bytes go, and which come.
type Change = (prop::sample::Index, usize, &'static [u8]);

fn change() -> impl Strategy<Value = Change> {
    (any::<prop::sample::Index>(), 0_usize..3, select(TELLING))
}

fn apply(mut stream: Vec<u8>, changes: impl IntoIterator<Item = Change>) -> Vec<u8> {
    for (place, removed, added) in changes {
        let at = place.index(stream.len() + 1);
        let end = (at + removed).min(stream.len());
        stream.splice(at..end, added.iter().copied());
    }
    stream
}

/// Requests of one client: the same head each time, but for the query and the length, with a change now and then.
fn alike() -> impl Strategy<Value = Vec<u8>> {
    let starts =
        select(vec!["POST /i", "POST /i", "POST http://h", "OPTIONS http://h", "\r\nPOST /i", "GET /exactly-twenty"]);
    let versions = select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
    let lines = || {
        let lines = vec![
            "",
            "",
            "X: y\r\n",
            "x-long-name-that-fills-the-head: v\r\n",
            "Connection: close\r\n",
            "Connection: keep-alive\r\n",
            "Expect: 100-continue\r\n",
            "Content-Length: 3\r\n",
            "Transfer-Encoding: chunked\r\n",
        ];
        select(lines)
    };
    let lengths = select(vec!["Content-Length:", "content-length: ", "Content-Length:\t ", ""]);
    let queries =
        vec!["", "?", "?a", "?a=b", "?batch=1_17_1024_kno", "?b?", "?\u{e9}", "?\x7f", "?a b", "?#", "?a\r\n"];
    let bodies =
        vec!["0", "3", "3", "3", "03", "10", "10", "12", "3 ", "+3", "", "3x", "40", "41", "99999999999999999999"];
    let own = prop::collection::vec((select(queries), select(bodies), 0_usize..12), 1..6);
    (starts, versions, lines(), lengths, lines(), own).prop_map(|(start, version, before, length, after, own)| {
        let mut stream = String::new();
        for (query, digits, extra) in own {
            let length = if length.is_empty() { String::new() } else { format!("{length}{digits}\r\n") };
            stream += &format!("{start}{query} {version}\r\nHost: a\r\n{before}{length}{after}\r\n");
            let bytes = if length.is_empty() { 0 } else { digits.trim().parse().unwrap_or(extra).min(50) };
            stream += &"d".repeat(bytes);
        }
        stream.into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_decoder_agrees_with_the_reference(stream in stream()) {
        agrees_with_reference(&stream, &usual());
        agrees_with_reference(&stream, &SMALL);
    }

    #[test]
    fn a_head_that_is_like_the_last_one_is_decoded_like_any_other(stream in alike(), change in change()) {
        agrees_with_reference(&stream, &usual());
        agrees_with_reference(&stream, &SMALL);
        let changed = apply(stream, [change]);
        agrees_with_reference(&changed, &usual());
        agrees_with_reference(&changed, &SMALL);
    }

    #[test]
    fn reads_of_any_size_give_the_same(stream in stream(), sizes in prop::collection::vec(1_usize..40, 1..12)) {
        for bounds in [usual(), SMALL] {
            let mut pieces = Vec::new();
            let mut rest = &stream[..];
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(decode_in_pieces(pieces, &bounds), reference::read_all(&stream, &bounds));
        }
    }
}

/// A generator of the same numbers each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

#[test]
fn mutated_requests_never_panic_and_always_agree() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let all: Vec<&[u8]> = GOOD.iter().copied().chain(BAD.iter().map(|(_, stream)| *stream)).collect();
    for round in 0..20_000 {
        let mut stream = all[numbers.below(all.len())].to_vec();
        if round % 4 == 0 {
            stream.extend_from_slice(all[numbers.below(all.len())]);
        }
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(stream.len() + 1);
            match numbers.below(5) {
                0 => stream.insert(at, numbers.below(256) as u8),
                1 => stream.truncate(at),
                2 if at < stream.len() => stream[at] ^= 1 << numbers.below(8),
                3 if at < stream.len() => drop(stream.remove(at)),
                _ => drop(stream.splice(at..at, TELLING[numbers.below(TELLING.len())].iter().copied())),
            }
        }
        let bounds = if round % 2 == 0 { SMALL } else { usual() };
        agrees_with_reference(&stream, &bounds);
    }
}
