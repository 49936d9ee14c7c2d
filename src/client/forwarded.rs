//! The client's address as proxies report it: `X-Forwarded-For`, `X-Real-Ip` and `Forwarded` (RFC 7239).
//!
//! Anybody can send these fields, so they are read only from trusted peers. Two questions then have two answers:
//!
//! - *Whom do limits count?* ([`read`]) The right-most address that is not a trusted proxy's. Each proxy appends the address that it
//!   saw, so everything further left was written by somebody who is not trusted.
//! - *Where in the world is the client?* ([`client_ip`]) As OpenReplay answers it: the left-most public address. A client may lie
//!   there, but only about its own country. `Forwarded` is not used for this.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What these fields of one request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForwardedFields<'a> {
    /// The first line of `X-Forwarded-For`.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// The first line of `X-Real-Ip`.
    pub x_real_ip: Option<&'a [u8]>,
    /// The right-most address that is not trusted; the left-most one if all are. `Forwarded` counts only where the other two are
    /// empty.
    pub client: Option<IpAddr>,
}

/// Reads the fields of a trusted peer's request. `trusted` tells the addresses of proxies from those of clients.
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

/// How many entries of `X-Forwarded-For` are searched for the origin: no chain of proxies is longer.
const NODES_MAX: usize = 64;

/// The address that tells where the client is: the left-most public one in `X-Forwarded-For`, else `X-Real-Ip`; either may carry a
/// port. The peer's own address counts only when neither field was sent.
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

/// The proxies of a request, listed on one or more header lines.
#[derive(Default)]
struct ProxyChain {
    /// The left-most address.
    first: Option<IpAddr>,
    /// The right-most address that is not trusted.
    untrusted: Option<IpAddr>,
}

impl ProxyChain {
    /// Adds the next line's addresses, from its right end on. Nothing left of the first untrusted address can be believed, and none of
    /// it is parsed: a client may have written thousands.
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

/// The address of a node: bare, in brackets, with a port or in quotes. Names that hide it (`unknown`, `_x`) give none.
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
    // A port may be hidden like a name: `192.0.2.43:_x`.
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    port.starts_with('_').then(|| host.parse().ok()).flatten()
}

/// The `for` parameters of a `Forwarded` value.
struct ForParameters<'a> {
    rest: &'a [u8],
    /// Whether quotes hide what is in them. Once one is not closed, no later one is either, so nothing is scanned twice.
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

/// Splits after the next `;` or `,`, outside of quotes if quotes count. `false`: a quote is not closed.
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
    // A quote that is never closed is none: it must not hide what a proxy appended.
    match text.iter().position(|byte| matches!(byte, b';' | b',')).filter(|_| quoted) {
        Some(at) => (&text[..at], &text[at + 1..], false),
        None => (text, &[], !quoted),
    }
}

#[cfg(test)]
mod tests;
