//! The client's address as proxies report it: `X-Forwarded-For`, `X-Real-Ip` and `Forwarded` (RFC 7239).
//!
//! Anyone can send these fields, so they are read only from trusted peers. They serve two purposes, with different answers:
//!
//! - *Rate limits* ([`read`]) use the right-most address that is not a trusted proxy's. Each proxy appends the address that it saw, so
//!   everything further left was written by someone who is not trusted.
//! - *Geolocation* ([`client_ip`]) uses the left-most public address, as OpenReplay does. A client can lie there, but only about its own
//!   country. `Forwarded` is not used for this.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What these fields say in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForwardedFields<'a> {
    /// The first line of `X-Forwarded-For`.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// The first line of `X-Real-Ip`.
    pub x_real_ip: Option<&'a [u8]>,
    /// The right-most address that is not trusted; the left-most one if all are. `Forwarded` counts only if the other two are empty.
    pub client: Option<IpAddr>,
}

/// Reads the fields of a request from a trusted peer. `trusted` tells whether an address is a trusted proxy's.
pub fn read<'a>(
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    trusted: impl Fn(IpAddr) -> bool,
) -> ForwardedFields<'a> {
    let mut fields = ForwardedFields::default();
    let (mut listed, mut forwarded) = (ProxyChain::default(), ProxyChain::default());
    for (name, value) in headers {
        match name.len() {
            15 if name.eq_ignore_ascii_case(b"x-forwarded-for") => {
                fields.x_forwarded_for.get_or_insert(value);
                listed.add_list(value.rsplit(|&byte| byte == b',').filter_map(node), &trusted);
            }
            9 if name.eq_ignore_ascii_case(b"x-real-ip") => {
                fields.x_real_ip.get_or_insert(value);
            }
            9 if name.eq_ignore_ascii_case(b"forwarded") => {
                ForParameters { rest: value, quotes: true }
                    .filter_map(node)
                    .for_each(|address| forwarded.add_list(std::iter::once(address), &trusted));
            }
            _ => {}
        }
    }
    let silent =
        fields.x_forwarded_for.unwrap_or_default().is_empty() && fields.x_real_ip.unwrap_or_default().is_empty();
    let real = || fields.x_real_ip.and_then(node);
    fields.client = listed.client().or_else(real).or_else(|| forwarded.client().filter(|_| silent));
    fields
}

/// How many entries of `X-Forwarded-For` are searched for the client; no real chain of proxies is longer.
const NODES_MAX: usize = 64;

/// The address for geolocation: the left-most public one in `X-Forwarded-For`, or else `X-Real-Ip`; both may have a port. The peer's own
/// address counts only if neither field was sent.
pub fn client_ip(x_forwarded_for: Option<&[u8]>, x_real_ip: Option<&[u8]>, peer: IpAddr) -> Option<IpAddr> {
    let forwarded = x_forwarded_for.unwrap_or_default();
    let real = x_real_ip.unwrap_or_default();
    if forwarded.is_empty() && real.is_empty() {
        return Some(peer);
    }
    let nodes = forwarded.split(|&byte| byte == b',').take(NODES_MAX);
    nodes.filter_map(node).find(|&address| is_public(address)).or_else(|| node(real))
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

/// The proxies that a request passed, listed on one or more header lines.
#[derive(Default)]
struct ProxyChain {
    /// The left-most address.
    first: Option<IpAddr>,
    /// The right-most address that is not trusted.
    untrusted: Option<IpAddr>,
}

impl ProxyChain {
    /// Adds the next line's addresses, from right to left. Nothing to the left of the first untrusted address can be believed, so it is not
    /// even parsed: a client may have written thousands of addresses.
    fn add_list(&mut self, from_the_right: impl Iterator<Item = IpAddr>, trusted: impl Fn(IpAddr) -> bool) {
        let mut leftmost = None;
        for address in from_the_right {
            if !trusted(address) {
                self.untrusted = Some(address);
                return;
            }
            leftmost = Some(address);
        }
        self.first = self.first.or(leftmost);
    }

    fn client(&self) -> Option<IpAddr> {
        self.untrusted.or(self.first)
    }
}

/// The address of a node: bare, in brackets, with a port or in quotes. `None` for an obfuscated one (`unknown`, `_x`).
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    let text = str::from_utf8(text.strip_suffix(b"\"").unwrap_or(text)).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    // A port may be obfuscated too: `192.0.2.43:_x`.
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    port.starts_with('_').then(|| host.parse().ok()).flatten()
}

/// The `for` parameters of a `Forwarded` value.
struct ForParameters<'a> {
    rest: &'a [u8],
    /// Whether quotes still count. After one that is not closed, later ones are not closed either, so nothing is scanned twice.
    quotes: bool,
}

impl<'a> Iterator for ForParameters<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (pair, rest, closed) = cut(self.rest, self.quotes);
            self.rest = rest;
            self.quotes &= closed;
            let pair = pair.trim_ascii();
            if let Some(value) = pair.get(4..)
                && pair[..4].eq_ignore_ascii_case(b"for=")
            {
                return Some(value);
            }
        }
        None
    }
}

/// Splits after the next `;` or `,`, ignoring those inside quotes if quotes count. `false`: a quote is not closed.
fn cut(text: &[u8], quotes: bool) -> (&[u8], &[u8], bool) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if quotes => quoted = !quoted,
            b';' | b',' if !quoted => return (&text[..at], &text[at + 1..], true),
            _ => {}
        }
    }
    // A quote that is never closed does not count: it must not hide what a proxy appended.
    match text.iter().position(|byte| matches!(byte, b';' | b',')).filter(|_| quoted) {
        Some(at) => (&text[..at], &text[at + 1..], false),
        None => (text, &[], !quoted),
    }
}

#[cfg(test)]
mod tests;
