use super::*;

fn holds(text: &str, address: &str) -> bool {
    text.parse::<Networks>().expect("valid").contains(address.parse().expect("an address"))
}

#[test]
fn networks_hold_what_is_in_them() {
    for (text, address, inside) in [
        ("private", "127.0.0.9", true),
        ("private", "172.31.255.255", true),
        ("private", "172.32.0.0", false),
        ("private", "100.64.0.1", false),
        ("private", "::1", true),
        ("private", "fe80::1", true),
        ("private", "::ffff:10.1.2.3", true),
        ("private", "2001:db8::1", false),
        ("private, 203.0.113.0/24", "203.0.113.9", true),
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "203.0.113.8", false),
        ("203.0.113.7/24", "203.0.113.8", true),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("all", "8.8.8.8", true),
        ("all", "2001:db8::1", true),
        ("none", "127.0.0.1", false),
        ("", "127.0.0.1", false),
    ] {
        assert_eq!(holds(text, address), inside, "{address} in {text:?}");
    }
}

#[test]
fn what_is_no_network_is_refused_with_its_text() {
    for text in ["localhost", "10.0.0.0/33", "10.0.0", "private, none", "10.0.0.0/8;11.0.0.0/8"] {
        assert!(text.parse::<Networks>().is_err(), "{text}");
    }
    let fault = "10.0.0.0/8, proxy".parse::<Networks>().expect_err("no network");
    assert!(fault.contains("\"proxy\""), "{fault}");
    assert!(vec!["10.0.0.1"; NETWORKS_MAX + 1].join(",").parse::<Networks>().is_err());
    let networks: Networks = "private, 2001:db8::/32".parse().expect("valid");
    assert_eq!(networks.to_string().parse(), Ok(networks));
}
