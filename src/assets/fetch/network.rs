//! The networks that may be asked.
//!
//! Sources: IANA's registries of special-purpose addresses (<https://www.iana.org/assignments/iana-ipv4-special-registry/>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry/>), of IPv4 multicast, and of IPv6's address space
//! (<https://www.iana.org/assignments/ipv6-address-space/>): of IPv6, only 2000::/3 is given to hosts of the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

/// What of IPv4 is never asked.
const SPECIAL_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "a private network"),
    (v4(100, 64, 0, 0, 10), "a carrier's network"),
    (v4(127, 0, 0, 0, 8), "this machine"),
    // Of Azure alone, from inside its machines. It stands in no registry.
    (v4(168, 63, 129, 16, 32), "a cloud's own service"),
    // Among them 169.254.169.254, where clouds have the credentials of their machines.
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "a private network"),
    (v4(192, 0, 0, 0, 24), "of protocols"),
    (v4(192, 0, 2, 0, 24), "for documentation"),
    (v4(192, 88, 99, 0, 24), "of 6to4 relays"),
    (v4(192, 168, 0, 0, 16), "a private network"),
    (v4(198, 18, 0, 0, 15), "for benchmarks"),
    (v4(198, 51, 100, 0, 24), "for documentation"),
    (v4(203, 0, 113, 0, 24), "for documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// What of IPv6 is given to hosts.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What of that is never asked. 6to4 and Teredo have an IPv4 address in them, and nobody serves a site from there.
const SPECIAL_V6: &[(Ipv6Net, &str)] = &[
    (v6(0x2001, 0, 23), "of protocols"),
    (v6(0x2001, 0x0db8, 32), "for documentation"),
    (v6(0x2002, 0, 16), "of 6to4"),
    (v6(0x3fff, 0, 20), "for documentation"),
];

/// What of the rest has a name worth telling.
const NAMED_V6: &[(Ipv6Net, &str)] =
    &[(v6(0xfc00, 0, 7), "a private network"), (v6(0xfe80, 0, 10), "link-local"), (v6(0xff00, 0, 8), "multicast")];

/// Translates IPv4 for hosts that have IPv6 alone (RFC 6052): the last four bytes are the address.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// Public addresses, and those of networks that an operator has named.
#[derive(Debug, Clone, Default)]
pub struct Networks {
    named: Vec<IpNet>,
}

impl Networks {
    /// These besides the public ones.
    pub fn with(named: Vec<IpNet>) -> Networks {
        Networks { named }
    }

    /// Whether an address may be connected to.
    ///
    /// # Errors
    /// What the address is of.
    pub fn judge(&self, address: IpAddr) -> Result<(), &'static str> {
        let plain = embedded(address);
        if self.named.iter().any(|network| network.contains(&plain) || network.contains(&address)) {
            return Ok(());
        }
        match plain {
            IpAddr::V4(address) => none_has(SPECIAL_V4.iter().find(|(network, _)| network.contains(&address))),
            IpAddr::V6(Ipv6Addr::LOCALHOST) => Err("this machine"),
            IpAddr::V6(address) if GLOBAL_V6.contains(&address) => {
                none_has(SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)))
            }
            IpAddr::V6(address) => {
                let named = NAMED_V6.iter().find(|(network, _)| network.contains(&address));
                Err(named.map_or("not of the public internet", |(_, what)| what))
            }
        }
    }
}

fn none_has<N>(found: Option<&(N, &'static str)>) -> Result<(), &'static str> {
    found.map_or(Ok(()), |(_, what)| Err(what))
}

/// The IPv4 address that an IPv6 address leads to, if it does; else itself.
fn embedded(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        address => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use url::{Host, Url};

    use super::*;

    fn judge(text: &str) -> Result<(), &'static str> {
        Networks::default().judge(text.parse().unwrap())
    }

    #[test]
    fn no_special_address_is_asked() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(judge(text).is_err(), "{text}");
        }
        assert_eq!(judge("169.254.169.254"), Err("link-local"));
        assert_eq!(judge("::ffff:10.0.0.1"), Err("a private network"));
        assert_eq!(judge("fd00:ec2::254"), Err("a private network"));
        assert_eq!(judge("::1"), Err("this machine"));
    }

    #[test]
    fn public_addresses_are_asked() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert_eq!(judge(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_network_that_the_operator_names_is_asked_and_no_other() {
        let own = Networks::with(vec!["10.1.0.0/16".parse().unwrap(), "fd12::/32".parse().unwrap()]);
        for (text, may) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("64:ff9b::a01:203", true),
            ("fd12::1", true),
            ("1.1.1.1", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("fd13::1", false),
        ] {
            assert_eq!(own.judge(text.parse().unwrap()).is_ok(), may, "{text}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_that_address() {
        for text in [
            "http://127.1/",
            "http://0177.0.0.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://127.0.0.1./",
            "http://①②⑦.0.0.1/",
            "http://127%2e0%2e0%2e1/",
            "http://[::ffff:7f00:1]/",
        ] {
            let address = match Url::parse(text).unwrap().host().unwrap() {
                Host::Ipv4(address) => IpAddr::from(address),
                Host::Ipv6(address) => address.into(),
                Host::Domain(domain) => panic!("{text}: {domain}"),
            };
            assert_eq!(Networks::default().judge(address), Err("this machine"), "{text}");
        }
    }
}
