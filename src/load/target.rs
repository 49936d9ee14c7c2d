//! The server under load.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use super::error::LoadError;

/// The server under load: where it is, and what its paths begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: String,
    authority: String,
    prefix: String,
    addr: SocketAddr,
}

impl Target {
    /// Parses `http://HOST:PORT` with any path prefix, and resolves the host once.
    pub fn parse(url: &str) -> Result<Target, LoadError> {
        let fault = |reason: &str| LoadError::Url { url: without_password(url), reason: reason.to_owned() };
        if url.starts_with("https://") {
            return Err(fault("this command does not speak TLS; give the server's plain http address"));
        }
        let rest = url.strip_prefix("http://").unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let prefix = path.trim_end_matches('/');
        let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if authority.is_empty() || authority.contains('@') || prefix.contains(['?', '#']) || !printable(rest) {
            return Err(fault("expected http://HOST:PORT with any path prefix"));
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.contains(']'));
        let named = if has_port { authority.to_owned() } else { format!("{}:80", authority.trim_end_matches(':')) };
        let mut found = named.to_socket_addrs().map_err(|error| fault(&error.to_string()))?;
        // Trackers' servers listen on IPv4 more often than on both.
        let addrs: Vec<_> = found.by_ref().collect();
        let addr = addrs.iter().find(|addr| addr.is_ipv4()).or(addrs.first());
        let addr = *addr.ok_or_else(|| fault("the host has no address"))?;
        Ok(Target {
            url: format!("http://{authority}{prefix}"),
            authority: authority.to_owned(),
            prefix: prefix.to_owned(),
            addr,
        })
    }

    /// The address as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of `Host`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The target of a request for a path that begins with `/`.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Where to connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.addr.ip().is_loopback()
    }

    /// The address that a visitor connects from. On the loopback interface each has its own, as in a crowd, and each has all ports.
    pub fn source_of(&self, visitor: u32) -> Option<Ipv4Addr> {
        match self.addr.ip() {
            IpAddr::V4(ip) if ip.is_loopback() => {
                let number = visitor % (64 * 254 * 254);
                let (high, low) = (number / (254 * 254), number % (254 * 254));
                Some(Ipv4Addr::new(127, 64 + high as u8, 1 + (low / 254) as u8, 1 + (low % 254) as u8))
            }
            _ => None,
        }
    }
}

/// A URL as it may be printed.
fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://…@{rest}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
