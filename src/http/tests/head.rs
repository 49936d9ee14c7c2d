use std::time::{Duration, Instant};

use crate::http::{Field, Framing, Head, HeadStatus, Limits, Method, Reject, Version, decode_head};

use super::corpus::{BAD, GOOD};
use super::harness::{agrees_with_reference, decode_in_pieces, usual};
use super::reference::{End, Request};

fn decode(text: &str) -> Result<Head, Reject> {
    let mut head = Head::new();
    match decode_head(text.as_bytes(), &Limits::default(), &mut head)? {
        HeadStatus::Complete => Ok(head),
        HeadStatus::Partial => panic!("partial: {text:?}"),
    }
}

fn with_header(line: &str) -> Result<Head, Reject> {
    decode(&format!("POST / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"))
}

fn status(result: Result<Head, Reject>) -> u16 {
    result.expect_err("should be refused").status
}

fn served(stream: &[u8]) -> Vec<Request> {
    let (requests, end) = agrees_with_reference(stream, &usual());
    assert_eq!(end, End::NeedsMore, "{}", stream.escape_ascii());
    requests
}

#[test]
fn good_requests_are_served() {
    for stream in GOOD {
        assert!(!served(stream).is_empty());
    }
}

#[test]
fn bad_requests_get_their_status() {
    for (status, stream) in BAD {
        let (requests, end) = agrees_with_reference(stream, &usual());
        assert_eq!((requests.len(), end), (0, End::Refused(*status)), "{}", stream.escape_ascii());
    }
}

#[test]
fn a_bad_request_behind_a_good_one_leaves_the_good_one_served() {
    for (status, bad) in BAD {
        let stream = [GOOD[3], bad].concat();
        let (requests, end) = agrees_with_reference(&stream, &usual());
        assert_eq!((requests.len(), end), (1, End::Refused(*status)), "{}", stream.escape_ascii());
    }
}

#[test]
fn every_split_in_two_reads_gives_the_same() {
    let streams = GOOD.iter().copied().chain(BAD.iter().map(|(_, stream)| *stream));
    for stream in streams {
        let whole = decode_in_pieces([stream], &usual());
        for at in 0..=stream.len() {
            let (first, second) = stream.split_at(at);
            assert_eq!(decode_in_pieces([first, second], &usual()), whole, "at {at}: {}", stream.escape_ascii());
        }
    }
}

#[test]
fn a_head_shows_its_parts() {
    let text =
        "\r\nPOST /v1/web/i?batch=1 HTTP/1.1\r\nHost: a\r\nX-One:  first \t\r\nx-one: second\r\nEmpty:\r\n\r\nbody";
    let head = decode(text).unwrap();
    let buf = text.as_bytes();
    assert_eq!(head.method(), Method::Post);
    assert_eq!(head.method_name(buf), b"POST");
    assert_eq!(head.target(buf), b"/v1/web/i?batch=1");
    assert_eq!(head.path(buf), b"/v1/web/i");
    assert_eq!(head.query(buf), Some(&b"batch=1"[..]));
    assert_eq!(head.version(), Version::H11);
    assert_eq!(head.header(buf, "x-one"), Some(&b"first"[..]));
    assert_eq!(head.header(buf, "empty"), Some(&b""[..]));
    assert_eq!(head.header(buf, "absent"), None);
    assert_eq!(head.headers(buf).count(), 4);
    assert_eq!(&text[head.len()..], "body");
}

#[test]
fn a_head_is_reused_without_remains() {
    let mut head = Head::new();
    let first = b"POST /a?q HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(decode_head(first, &Limits::default(), &mut head), Ok(HeadStatus::Complete));
    assert_eq!(decode_head(b"GE", &Limits::default(), &mut head), Ok(HeadStatus::Partial));
    assert_eq!((head.len(), head.header(b"GE", "connection")), (0, None));
    head.reset();
    let second = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(decode_head(second, &Limits::default(), &mut head), Ok(HeadStatus::Complete));
    assert_eq!((head.framing(), head.query(second), head.keep_alive()), (Framing::None, None, true));
    assert_eq!(head.header(second, "connection"), None);
}

#[test]
fn fields_that_are_noted_are_those_that_are_found() {
    let lines = [
        "Authorization: one\r\nAUTHORIZATION: two\r\n",
        "DataType: player\r\n",
        "x-datatype: no\r\n",
        "Datatype:\r\n",
        "",
    ];
    for (first, second) in lines.iter().flat_map(|first| lines.iter().map(move |second| (first, second))) {
        let text = format!("POST /?a HTTP/1.1\r\nHost: a\r\n{first}Content-Length: 3\r\n{second}\r\n");
        let mut head = decode(&text).unwrap();
        for text in [text.clone(), text.replace("?a", "?longer").replace("th: 3", "th: 1024")] {
            assert_eq!(decode_head(text.as_bytes(), &Limits::default(), &mut head), Ok(HeadStatus::Complete));
            assert!(head.repeats());
            for field in [Field::Authorization, Field::ContentEncoding, Field::DataType] {
                let buf = text.as_bytes();
                assert_eq!(head.field(buf, field), head.header(buf, field.name()), "{text}");
            }
        }
    }
}

#[test]
fn a_head_repeats_the_last_one_if_no_more_than_query_and_length_are_others() {
    let first = "POST /i?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: y\r\n\r\n";
    let repeats = |next: &str| {
        let mut head = decode(first).unwrap();
        assert!(!head.repeats());
        let decoded = decode_head(next.as_bytes(), &Limits::default(), &mut head);
        (decoded == Ok(HeadStatus::Complete)).then(|| head.repeats())
    };
    assert_eq!(repeats(first), Some(true));
    for (old, new) in [("a=b", ""), ("a=b", "a=c&d"), ("th: 3", "th: 0"), ("th: 3", "th: 1024")] {
        assert_eq!(repeats(&first.replace(old, new)), Some(true), "{new}");
    }
    for (old, new) in [("?a=b", ""), ("/i", "/j"), ("POST", "PUT"), ("X: y", "X: z"), ("X: y\r\n", ""), ("th: ", "th:")]
    {
        assert_eq!(repeats(&first.replace(old, new)), Some(false), "{new}");
    }
    for (old, new) in [("a=b", "a b"), ("th: 3", "th: +3"), ("X: y\r\n", "X: y\n"), ("\r\n\r\n", "\r\n")] {
        assert_eq!(repeats(&first.replace(old, new)), None, "{new}");
    }
    // Neither a long head nor one that expects something is remembered.
    for odd in [format!("X: {}", "y".repeat(2_000)), "Expect: 100-continue".to_owned()] {
        let odd = first.replace("X: y", &odd);
        let mut head = decode(&odd).unwrap();
        assert_eq!(decode_head(odd.as_bytes(), &Limits::default(), &mut head), Ok(HeadStatus::Complete));
        assert!(!head.repeats());
    }
}

#[test]
fn methods_are_case_sensitive() {
    for (name, method) in [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("PATCH", Method::Patch),
        ("DELETE", Method::Delete),
        ("OPTIONS", Method::Options),
        ("post", Method::Other),
        ("BREW", Method::Other),
    ] {
        let head = decode(&format!("{name} / HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        assert_eq!(head.method(), method);
    }
}

#[test]
fn minor_versions_above_one_are_served_as_1_1() {
    for (version, served_as) in
        [("1.0", Version::H10), ("1.1", Version::H11), ("1.2", Version::H11), ("1.9", Version::H11)]
    {
        let head = decode(&format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).unwrap();
        assert_eq!(head.version(), served_as);
    }
    assert_eq!(status(decode("GET / HTTP/1.2\r\n\r\n")), 400, "Host is required there too");
    for version in ["0.9", "2.0", "3.0"] {
        assert_eq!(status(decode(&format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"))), 505);
    }
}

#[test]
fn lengths_are_digits_only_and_there_once() {
    let framing = |value: &str| with_header(&format!("Content-Length: {value}")).map(|head| head.framing());
    assert_eq!(framing("0"), Ok(Framing::Length(0)));
    assert_eq!(framing("\t007\t"), Ok(Framing::Length(7)));
    assert_eq!(framing("9223372036854775807"), Ok(Framing::Length(i64::MAX as u64)));
    for value in ["", "1 1", "1,1", "1, 1", "+1", "-0", "0x1", "1.0", "1e1", "\u{661}", "18446744073709551616"] {
        assert_eq!(framing(value).map_err(|reject| reject.status), Err(400), "{value}");
    }
}

#[test]
fn chunked_ignores_case_and_blanks() {
    for value in ["chunked", "Chunked", "CHUNKED", "\tchunked \t"] {
        let head = with_header(&format!("TRANSFER-encoding:{value}")).unwrap();
        assert_eq!(head.framing(), Framing::Chunked);
    }
    for value in ["gzip", "chunked, chunked", "chunked,", "\"chunked\"", "chunked;q=1", "chunked\u{a0}"] {
        assert_eq!(status(with_header(&format!("Transfer-Encoding: {value}"))), 501, "{value}");
    }
}

#[test]
fn hosts_may_be_empty_but_not_malformed() {
    let host = |value: &str| decode(&format!("GET / HTTP/1.1\r\nHost: {value}\r\n\r\n"));
    for value in ["", "a", "a.example:8080", "127.0.0.1", "[::1]", "[fe80::1%25en0]:80", "a:", "x_y.example", "%41"] {
        assert!(host(value).is_ok(), "{value}");
    }
    for value in ["a b", "a,b c", "u@h", "a:b", "a:1:2", "[::1", "[]", "[::1]x", "h/p", "h?q", "h#f", "\"a\"", "\u{e9}"]
    {
        assert_eq!(host(value).map_err(|reject| reject.status).err(), Some(400), "{value}");
    }
}

#[test]
fn connection_options_are_a_list_over_all_lines() {
    let keeps = |version: &str, lines: &str| {
        decode(&format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).unwrap().keep_alive()
    };
    assert!(keeps("1.1", ""));
    assert!(keeps("1.1", "Connection: upgrade, x-close\r\n"));
    assert!(!keeps("1.1", "Connection: upgrade ,\tCLOSE\t, x\r\n"));
    assert!(!keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    assert!(!keeps("1.0", ""));
    assert!(keeps("1.0", "Connection: Keep-Alive\r\n"));
    assert!(!keeps("1.0", "Connection: keep-alive, close\r\n"));
}

#[test]
fn only_100_continue_may_be_expected_and_only_counts_with_a_body() {
    let expects = |version: &str, lines: &str| {
        decode(&format!("POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).map(|head| head.expects_continue())
    };
    assert_eq!(expects("1.1", "Expect: 100-CONTINUE\r\nContent-Length: 1\r\n"), Ok(true));
    assert_eq!(expects("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"), Ok(true));
    assert_eq!(expects("1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n"), Ok(false));
    assert_eq!(expects("1.1", "Expect: 100-continue\r\n"), Ok(false));
    assert_eq!(expects("1.1", "Expect:\r\nContent-Length: 1\r\n"), Ok(false));
    assert_eq!(expects("1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n"), Ok(false));
    for value in ["100", "200-ok", "100-continue, other", "100-continue;x=1"] {
        let refused = expects("1.1", &format!("Expect: {value}\r\n")).map_err(|reject| reject.status);
        assert_eq!(refused, Err(417), "{value}");
    }
}

#[test]
fn targets_in_every_form_give_a_path() {
    let parts = |method: &str, target: &str| {
        let text = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = decode(&text).map_err(|reject| reject.status)?;
        let show = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ok::<_, u16>((show(head.path(text.as_bytes())), head.query(text.as_bytes()).map(show)))
    };
    let path = |text: &str| Ok((text.to_owned(), None));
    let both = |text: &str, query: &str| Ok((text.to_owned(), Some(query.to_owned())));
    assert_eq!(parts("GET", "/"), path("/"));
    assert_eq!(parts("GET", "/?"), both("/", ""));
    assert_eq!(parts("GET", "/v1%2Fweb/start?a=?&b"), both("/v1%2Fweb/start", "a=?&b"));
    assert_eq!(parts("GET", "//x//y"), path("//x//y"));
    assert_eq!(parts("GET", "http://h/p?q"), both("/p", "q"));
    assert_eq!(parts("GET", "HTTPS://h:1"), path("/"));
    assert_eq!(parts("GET", "http://h?q"), both("/", "q"));
    assert_eq!(parts("OPTIONS", "*"), path("*"));
    assert_eq!(parts("OPTIONS", "http://h"), path("*"));
    assert_eq!(parts("OPTIONS", "http://h/"), path("/"));
    for (method, target) in [("GET", "*"), ("GET", "h:80"), ("GET", "http:/x"), ("GET", "http://:80/"), ("GET", "?q")] {
        assert_eq!(parts(method, target), Err(400), "{target}");
    }
    assert_eq!(parts("CONNECT", "h:80"), Err(501));
}

#[test]
fn long_parts_are_refused_before_they_end() {
    let target = |len: usize| format!("GET /{}", "a".repeat(len - 1));
    let (mut head, limits) = (Head::new(), Limits::default());
    let partial = target(limits.target_bytes);
    assert_eq!(decode_head(partial.as_bytes(), &limits, &mut head), Ok(HeadStatus::Partial));
    let refused = decode_head(target(limits.target_bytes + 1).as_bytes(), &limits, &mut head);
    assert_eq!(refused.map_err(|reject| reject.status), Err(414));
    assert!(decode(&format!("{} HTTP/1.1\r\nHost: a\r\n\r\n", target(limits.target_bytes))).is_ok());
    assert_eq!(status(decode(&format!("{} HTTP/1.1\r\nHost: a\r\n\r\n", target(limits.target_bytes + 1)))), 414);
    assert_eq!(status(decode(&format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(33)))), 501);
    assert!(decode(&format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(32))).is_ok());
}

#[test]
fn heads_up_to_the_limits_are_served() {
    let sized = |bytes: usize| {
        let fixed = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(bytes - fixed))
    };
    assert_eq!(decode(&sized(16_384)).unwrap().len(), 16_384);
    assert_eq!(status(decode(&sized(16_385))), 431);
    let counted = |lines: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(lines - 1));
    assert_eq!(decode(&counted(64)).unwrap().headers(counted(64).as_bytes()).count(), 64);
    assert_eq!(status(decode(&counted(65))), 431);
}

#[test]
fn bounds_beyond_what_a_head_can_hold_are_cut_to_it() {
    let limits = Limits { head_bytes: usize::MAX, headers: usize::MAX, ..Limits::default() };
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(70_000));
    let refused = decode_head(text.as_bytes(), &limits, &mut Head::new());
    assert_eq!(refused.map_err(|reject| reject.status), Err(431));
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(64));
    let refused = decode_head(text.as_bytes(), &limits, &mut Head::new());
    assert_eq!(refused.map_err(|reject| reject.status), Err(431));
}

#[test]
fn a_head_that_comes_byte_by_byte_is_not_read_again_and_again() {
    let limits = Limits { head_bytes: 65_535, target_bytes: 30_000, ..Limits::default() };
    let (target, value) = ("t".repeat(29_000), "v".repeat(30_000));
    let text = format!("GET /{target} HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n");
    let mut head = Head::new();
    let begun = Instant::now();
    for len in 1..text.len() {
        assert_eq!(decode_head(&text.as_bytes()[..len], &limits, &mut head), Ok(HeadStatus::Partial));
    }
    assert_eq!(decode_head(text.as_bytes(), &limits, &mut head), Ok(HeadStatus::Complete));
    assert_eq!(head.header(text.as_bytes(), "x"), Some(value.as_bytes()));
    // Each byte once takes some milliseconds; all of them with each byte, 1.8 thousand million steps.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn a_reject_says_what_is_wrong() {
    let reject = decode("GET / HTTP/1.1\r\n\r\n").expect_err("no Host");
    assert_eq!(reject.to_string(), "400 Bad Request: the Host header is missing");
}
