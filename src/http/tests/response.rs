use crate::http::date::HttpDate;
use crate::http::response::{CONTINUE, reason_phrase};
use crate::http::{Reply, Version};

const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

const OK: Reply<'static> = Reply {
    status: 200,
    version: Version::H11,
    keep_alive: true,
    date: DATE,
    lines: b"",
    headers: &[],
    body: b"",
    head_only: false,
};

fn written(reply: &Reply<'_>) -> String {
    let mut out = Vec::new();
    reply.write_to(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_reply_has_status_date_headers_and_length() {
    let reply = Reply {
        lines: b"Access-Control-Allow-Origin: *\r\n",
        headers: &[("Content-Type", b"text/plain"), ("Allow", b"POST")],
        body: b"hello",
        ..OK
    };
    assert_eq!(
        written(&reply),
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccess-Control-Allow-Origin: *\r\n\
         Content-Type: text/plain\r\nAllow: POST\r\nContent-Length: 5\r\n\r\nhello"
    );
}

#[test]
fn connection_is_answered_per_version() {
    let connection = |version, keep_alive| {
        let text = written(&Reply { version, keep_alive, ..OK });
        text.lines().find_map(|line| line.strip_prefix("Connection: ").map(str::to_owned))
    };
    assert_eq!(connection(Version::H11, true), None);
    assert_eq!(connection(Version::H11, false).as_deref(), Some("close"));
    assert_eq!(connection(Version::H10, true).as_deref(), Some("keep-alive"));
    assert_eq!(connection(Version::H10, false).as_deref(), Some("close"));
}

#[test]
fn an_answer_to_head_announces_the_length_only() {
    let text = written(&Reply { head_only: true, body: b"hello", ..OK });
    assert!(text.ends_with("Content-Length: 5\r\n\r\n"), "{text}");
}

#[test]
fn replies_that_have_no_body_announce_none() {
    for status in [204, 304] {
        let text = written(&Reply { status, body: b"x", ..OK });
        assert!(text.ends_with("GMT\r\n\r\n") && !text.contains("Content-Length"), "{text}");
    }
}

#[test]
fn a_value_can_not_add_a_line() {
    let text = written(&Reply { status: 301, headers: &[("Location", b"/a\r\nSet-Cookie: x\0\tb\x7f")], ..OK });
    assert!(text.contains("\r\nLocation: /a??Set-Cookie: x?\tb?\r\n"), "{text}");
}

#[test]
fn a_buffer_with_room_is_not_reallocated() {
    let mut out = Vec::with_capacity(1024);
    let room = out.as_ptr();
    let reply = Reply { status: 431, keep_alive: false, body: &[b'x'; 600], ..OK };
    reply.write_to(&mut out);
    assert_eq!((out.as_ptr(), out.capacity()), (room, 1024));
    assert!(out.starts_with(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

#[test]
fn replies_follow_each_other_in_one_buffer() {
    let mut out = CONTINUE.to_vec();
    OK.write_to(&mut out);
    OK.write_to(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_eq!(text.matches("Content-Length: 0\r\n\r\n").count(), 2);
}

#[test]
fn every_status_of_a_refusal_has_words() {
    for status in [400, 401, 404, 405, 408, 413, 414, 417, 431, 500, 501, 503, 505] {
        assert_ne!(reason_phrase(status), "Unknown");
    }
    assert_eq!(written(&Reply { status: 299, ..OK }).lines().next(), Some("HTTP/1.1 299 Unknown"));
}

#[test]
fn dates_are_right_across_leap_years_and_centuries() {
    for (seconds, text) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(HttpDate::from_unix(seconds).as_bytes(), text.as_bytes(), "{seconds}");
    }
}
