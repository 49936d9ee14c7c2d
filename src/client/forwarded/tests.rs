use proptest::prelude::*;

use super::*;

fn private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_loopback(),
    }
}

fn named<'a>(fields: &'a [(&'a str, &'a str)]) -> ForwardedFields<'a> {
    read(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), private)
}

fn client(fields: &[(&str, &str)]) -> String {
    named(fields).client.map(|address| address.to_string()).unwrap_or_default()
}

#[test]
fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
    for (value, address) in [
        ("81.2.69.142", "81.2.69.142"),
        ("6.6.6.6, 81.2.69.142", "81.2.69.142"),
        ("6.6.6.6, 81.2.69.142, 10.0.0.1, 10.0.0.2", "81.2.69.142"),
        ("81.2.69.142,", "81.2.69.142"),
        ("81.2.69.142:4711, 10.0.0.1", "81.2.69.142"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("6.6.6.6, 81.2.69.142, unknown", "81.2.69.142"),
        ("10.0.0.9, 10.0.0.1", "10.0.0.9"),
        ("::ffff:81.2.69.142, ::ffff:10.0.0.1", "::ffff:81.2.69.142"),
        ("unknown", ""),
        ("", ""),
    ] {
        assert_eq!(client(&[("X-Forwarded-For", value)]), address, "{value}");
    }
}

#[test]
fn lines_of_one_field_are_one_list() {
    let two = [("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "81.2.69.142, 10.0.0.1")];
    assert_eq!(client(&two), "81.2.69.142");
    assert_eq!(named(&two).x_forwarded_for, Some(&b"6.6.6.6"[..]));
    let two = [("X-Forwarded-For", "6.6.6.6, 81.2.69.142"), ("X-Forwarded-For", "10.0.0.1")];
    assert_eq!(client(&two), "81.2.69.142");
}

#[test]
fn the_fields_have_an_order() {
    let all = [("Forwarded", "for=1.1.1.1"), ("X-Real-Ip", "2.2.2.2"), ("X-Forwarded-For", "3.3.3.3")];
    assert_eq!([client(&all), client(&all[..2]), client(&all[..1])], ["3.3.3.3", "2.2.2.2", "1.1.1.1"]);
    assert_eq!(client(&[("X-Forwarded-For", "unknown"), ("X-Real-Ip", " 2.2.2.2 ")]), "2.2.2.2");
}

#[test]
fn forwarded_is_read_as_its_standard_says() {
    for (value, address) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        ("for=192.0.2.43,for=10.0.0.1;by=10.0.0.2", "192.0.2.43"),
        ("for=\"192.0.2.43:47011\"", "192.0.2.43"),
        ("for=\"192.0.2.43:_port\"", "192.0.2.43"),
        ("for=192.0.2.43, for=_hidden", "192.0.2.43"),
        ("for=192.0.2.43, for=unknown", "192.0.2.43"),
        ("host=\"a,for=6.6.6.6\";for=192.0.2.43", "192.0.2.43"),
        ("host=\"a\\\";for=6.6.6.6\" ; for=192.0.2.43", "192.0.2.43"),
        ("for=\"6.6.6.6, for=192.0.2.43", "192.0.2.43"),
        ("for=\"6.6.6.6\\, for=\"[2001:db8::7]\"", "2001:db8::7"),
        ("by=203.0.113.43", ""),
        ("for=\"192.0.2.43", "192.0.2.43"),
        ("for", ""),
        ("for=", ""),
        (";,;,", ""),
    ] {
        assert_eq!(client(&[("Forwarded", value)]), address, "{value}");
    }
    assert_eq!(client(&[("Forwarded", "for=6.6.6.6"), ("Forwarded", "for=192.0.2.43")]), "192.0.2.43");
}

#[test]
fn what_a_client_wrote_on_the_left_is_not_even_looked_at() {
    use std::cell::Cell;
    let looked_at = Cell::new(0);
    let value = format!("{}81.2.69.142, 10.0.0.1", "10.0.0.9,".repeat(1_500));
    let named = read([(&b"X-Forwarded-For"[..], value.as_bytes())].into_iter(), |address| {
        looked_at.set(looked_at.get() + 1);
        private(address)
    });
    assert_eq!((named.client.map(|address| address.to_string()).as_deref(), looked_at.get()), (Some("81.2.69.142"), 2));
}

proptest! {
    /// The address that a trusted proxy appends counts, whatever a client has written to the left of it.
    #[test]
    fn no_text_on_the_left_changes_the_client(left in "[ -~]{0,80}") {
        let value = format!("{left}, 81.2.69.142, 10.0.0.1");
        prop_assert_eq!(client(&[("X-Forwarded-For", &value)]), "81.2.69.142");
    }

    /// Any bytes are read without a panic.
    #[test]
    fn any_bytes_are_read(value in prop::collection::vec(any::<u8>(), 0..200)) {
        for name in ["X-Forwarded-For", "X-Real-Ip", "Forwarded"] {
            read([(name.as_bytes(), &value[..])].into_iter(), private);
        }
    }
}

#[test]
fn quotes_that_nobody_closes_are_looked_at_once() {
    let hostile = [&b"\","[..], &b"\\\","[..].repeat(400_000)].concat();
    let began = std::time::Instant::now();
    assert_eq!(ForParameters { rest: &hostile, quotes: true }.count(), 0);
    // Scanning the rest again for each part would take days.
    assert!(began.elapsed().as_secs() < 20);
}

fn origin(forwarded: Option<&str>, real: Option<&str>) -> Option<String> {
    client_ip(forwarded.map(str::as_bytes), real.map(str::as_bytes), "198.51.100.1".parse().unwrap())
        .map(|address| address.to_string())
}

#[test]
fn the_first_public_forwarded_address_is_the_clients() {
    for (forwarded, real, address) in [
        (None, None, Some("198.51.100.1")),
        (Some(""), Some(""), Some("198.51.100.1")),
        (Some("81.2.69.142"), None, Some("81.2.69.142")),
        (None, Some("81.2.69.142"), Some("81.2.69.142")),
        (None, Some(" 81.2.69.142 "), Some("81.2.69.142")),
        (None, Some("10.0.0.1"), Some("10.0.0.1")),
        (Some("89.160.20.113"), Some("81.2.69.142"), Some("89.160.20.113")),
        (Some("10.0.0.1, 127.0.0.1"), Some("216.160.83.57"), Some("216.160.83.57")),
        (Some("10.0.0.1"), None, None),
        (Some("unknown, 81.2.69.142"), None, Some("81.2.69.142")),
        (Some(",, 81.2.69.142"), None, Some("81.2.69.142")),
        (Some("81.2.69.142:4711"), None, Some("81.2.69.142")),
        (Some("10.0.0.1:80, 81.2.69.142:4711"), None, Some("81.2.69.142")),
        (Some("[2001:218::7]:4711"), None, Some("2001:218::7")),
        (Some("[2001:218::7]"), None, Some("2001:218::7")),
        (Some("[fe80::1]:80, [2001:218::7]:4711"), None, Some("2001:218::7")),
        (None, Some("81.2.69.142:4711"), Some("81.2.69.142")),
        (None, Some("[2001:218::7]:4711"), Some("2001:218::7")),
        (Some("81.2.69.142:http"), None, None),
        (Some("[2001:db8::1"), None, None),
        (Some("2001:db8::1"), None, Some("2001:db8::1")),
        (Some("100.64.0.1, 81.2.69.142"), None, Some("100.64.0.1")),
        (
            Some("169.254.1.1, fe80::1, fc00::2, ::1, 172.31.0.1, ::ffff:10.0.0.1, 2.125.160.217"),
            None,
            Some("2.125.160.217"),
        ),
    ] {
        assert_eq!(origin(forwarded, real).as_deref(), address, "{forwarded:?} {real:?}");
    }
}

#[test]
fn what_stands_behind_any_chain_of_proxies_is_not_looked_at() {
    let behind = |private: usize| format!("{}81.2.69.142", "10.0.0.1,".repeat(private));
    assert_eq!(origin(Some(&behind(NODES_MAX - 1)), None).as_deref(), Some("81.2.69.142"));
    assert_eq!(origin(Some(&behind(NODES_MAX)), None), None);
}
