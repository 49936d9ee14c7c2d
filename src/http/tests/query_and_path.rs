use crate::http::path::{Decoded, Form, clean_into, decode};
use crate::http::query::{Pairs, find};

fn pairs(query: &str) -> Vec<(String, String)> {
    let mut scratch = Vec::new();
    let mut pairs = Pairs::new(query.as_bytes(), &mut scratch);
    let mut all = Vec::new();
    while let Some((key, value)) = pairs.next() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        all.push((text(key), text(value)));
    }
    all
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn pairs_are_decoded_in_order() {
    let expected = owned(&[("batch", "a b=c"), ("flag", ""), ("", "x"), ("k&", "é")]);
    assert_eq!(pairs("batch=a+b%3dc&flag&&=x&k%26=%C3%A9&"), expected);
    assert_eq!(pairs(""), owned(&[]));
    assert_eq!(pairs("a=b=c"), owned(&[("a", "b=c")]));
}

#[test]
fn only_the_bad_pair_is_dropped() {
    assert_eq!(pairs("split=10;batch=1&x=1"), owned(&[("x", "1")]));
    for bad in ["%", "%4", "%zz", "%4g", "a%%41"] {
        assert_eq!(pairs(&format!("a=1&{bad}=2&b={bad}&c=3")), owned(&[("a", "1"), ("c", "3")]), "{bad}");
    }
}

#[test]
fn the_first_good_pair_of_a_key_counts() {
    let mut scratch = Vec::new();
    assert_eq!(find(b"x=0&spl%69t=%zz&split=%2B1+0&split=2", "split", &mut scratch), Some(&b"+1 0"[..]));
    assert_eq!(find(b"Split=1&split=1;x", "split", &mut scratch), None);
    assert_eq!(find(b"split", "split", &mut scratch), Some(&b""[..]));
}

#[test]
fn a_path_without_escapes_is_not_copied() {
    let mut scratch = Vec::new();
    let path = b"/v1/web+/start";
    assert_eq!(decode(path, &mut scratch).unwrap().path.as_ptr(), path.as_ptr());
    assert_eq!(scratch.capacity(), 0);
}

#[test]
fn escapes_in_a_path_are_decoded_and_plus_stays() {
    let mut scratch = b"old".to_vec();
    let decoded = Decoded { path: b"/v1/web/start+\0\xff", form: Form::Clean };
    assert_eq!(decode(b"/v1%2Fweb%2fst%61rt+%00%ff", &mut scratch), Ok(decoded));
    for bad in [&b"/%"[..], b"/%4", b"/%zz", b"/a%4"] {
        assert_eq!(decode(bad, &mut scratch).map_err(|reject| reject.status), Err(400));
    }
}

fn form(path: &str) -> Form {
    decode(path.as_bytes(), &mut Vec::new()).unwrap().form
}

#[test]
fn slashes_in_a_row_are_one_wherever_they_stand() {
    for (path, merged) in [
        ("//", "/"),
        ("/ingest//v1/web/start", "/ingest/v1/web/start"),
        ("//ingest/v1///web//i", "/ingest/v1/web/i"),
        ("/ingest%2F/v1/web/i", "/ingest/v1/web/i"),
        ("/a//", "/a/"),
        ("//.a/b.", "/.a/b."),
    ] {
        let mut scratch = Vec::new();
        let expected = Decoded { path: merged.as_bytes(), form: Form::Doubled };
        assert_eq!(decode(path.as_bytes(), &mut scratch), Ok(expected), "{path}");
    }
    for path in ["/a//../b", "//.", "/%2e%2E/", "a//b"] {
        assert_eq!(form(path), Form::Unclean, "{path}");
    }
}

#[test]
fn unclean_paths_are_found_and_cleaned() {
    for clean in ["/", "/a", "/a/", "/a/b", "/...", "/.a/b.", "*"] {
        assert_eq!(form(clean), Form::Clean, "{clean}");
    }
    for (path, cleaned) in [
        ("", "/"),
        ("//", "/"),
        ("//evil.example/x", "/evil.example/x"),
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a"),
        ("/a/b/../", "/a/"),
        ("/.", "/"),
        ("/a/.", "/a"),
        ("/../../a", "/a"),
        ("/..", "/"),
        ("a", "/a"),
        ("/x y//%25", "/x%20y/%25"),
        ("//a\r\nb?", "/a%0D%0Ab%3F"),
    ] {
        assert_ne!(form(path), Form::Clean, "{path}");
        let mut out = b"kept".to_vec();
        let mut scratch = Vec::new();
        clean_into(decode(path.as_bytes(), &mut scratch).unwrap().path, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("kept{cleaned}"), "{path}");
    }
}
