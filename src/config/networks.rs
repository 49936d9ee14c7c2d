//! A set of networks: `10.0.0.0/8, 2001:db8::/32, 203.0.113.7`, or words that stand for some.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The networks that the word `private` stands for: loopback, private and link-local (RFC 1918, 3927, 4193, 4291).
const PRIVATE: &[&str] = &[
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// A longer list would cost every request too much.
const NETWORKS_MAX: usize = 256;

/// A set of networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
}

impl Networks {
    /// Whether an address is in one of them. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.iter().any(|network| network.contains(&address)),
            IpAddr::V6(address) => self.v6.iter().any(|network| network.contains(&address)),
        }
    }

    fn add(&mut self, network: &str) -> Result<(), String> {
        let network = match network.parse::<IpNet>() {
            Ok(network) => network,
            Err(_) => network.parse::<IpAddr>().map(IpNet::from).map_err(|_| {
                format!("{network:?} is no network such as 10.0.0.0/8, no address, and none of private, all, none")
            })?,
        };
        match network {
            IpNet::V4(network) => self.v4.push(network.trunc()),
            IpNet::V6(network) => self.v6.push(network.trunc()),
        }
        Ok(())
    }
}

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut networks = Networks::default();
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        for word in &words {
            match word.to_ascii_lowercase().as_str() {
                "private" => PRIVATE.iter().try_for_each(|network| networks.add(network))?,
                "all" => ["0.0.0.0/0", "::/0"].iter().try_for_each(|network| networks.add(network))?,
                "none" if words.len() == 1 => {}
                "none" => return Err("\"none\" stands alone".to_owned()),
                _ => networks.add(word)?,
            }
        }
        if networks.v4.len() + networks.v6.len() > NETWORKS_MAX {
            return Err(format!("more than {NETWORKS_MAX} networks"));
        }
        Ok(networks)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.v4.iter().map(|network| network.to_string()).chain(self.v6.iter().map(|n| n.to_string()));
        match all.collect::<Vec<_>>() {
            none if none.is_empty() => f.write_str("none"),
            networks => f.write_str(&networks.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;
