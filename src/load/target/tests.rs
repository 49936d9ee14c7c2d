use std::collections::HashSet;

use super::*;

#[test]
fn an_address_is_split_into_host_and_prefix() {
    let target = Target::parse("http://127.0.0.1:8080/ingest/").unwrap();
    assert_eq!((target.authority(), target.url()), ("127.0.0.1:8080", "http://127.0.0.1:8080/ingest"));
    assert_eq!(target.path("/v1/web/i"), "/ingest/v1/web/i");
    assert!(target.is_loopback());
    assert_eq!(Target::parse("http://127.0.0.1").unwrap().addr().port(), 80);
    assert_eq!(Target::parse("http://[::1]:81").unwrap().addr().port(), 81);
    assert_eq!(Target::parse("http://[::1]").unwrap().addr().port(), 80);
    assert!(!Target::parse("http://192.0.2.1:80").unwrap().is_loopback());
}

#[test]
fn what_is_no_address_is_refused_in_words_and_no_password_is_repeated() {
    for bad in ["", "127.0.0.1:8080", "http://", "http:///x", "http://h/?q", "http://h x:1", "ftp://h", "http://\u{1b}"]
    {
        assert!(Target::parse(bad).is_err(), "{bad:?}");
    }
    assert!(Target::parse("https://127.0.0.1").unwrap_err().to_string().contains("TLS"));
    let told = Target::parse("http://me:hunter2@127.0.0.1:80").unwrap_err().to_string();
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn each_visitor_on_the_loopback_has_an_address_of_its_own() {
    let target = Target::parse("http://127.0.0.1:8080").unwrap();
    let addresses: HashSet<_> = (0..200_000).map(|visitor| target.source_of(visitor).unwrap()).collect();
    assert_eq!(addresses.len(), 200_000);
    assert!(addresses.iter().all(|address| address.is_loopback() && address.octets()[3] != 255));
    assert_eq!(Target::parse("http://192.0.2.1:80").unwrap().source_of(1), None);
}
