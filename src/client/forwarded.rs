//! What proxies say of the client: `X-Forwarded-For`, `X-Real-Ip` and `Forwarded` (RFC 7239).
//!
//! Anybody can send these fields. They are read from peers that are trusted, and then two questions have two answers:
//!
//! - *Who is charged?* The right-most address that is not a trusted proxy's: each proxy appends the address that it saw, so
//!   what stands further left was written by somebody who is not trusted.
//! - *Where in the world is the client?* OpenReplay's answer, in [`client_ip`](super::geo::client_ip): the left-most public
//!   address. A client may lie there, and lies about its own country only. That answer knows nothing of `Forwarded`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What the fields of one request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Named<'a> {
    /// The first line of `X-Forwarded-For`.
    pub x_forwarded_for: Option<&'a [u8]>,
    /// The first line of `X-Real-Ip`.
    pub x_real_ip: Option<&'a [u8]>,
    /// The right-most address that is not trusted; the left-most one if all are. `Forwarded` is asked only where the other
    /// two are empty.
    pub client: Option<IpAddr>,
}

/// Reads the fields that a trusted peer has sent. `trusted` tells the addresses of proxies from those of clients.
pub fn read<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, trusted: impl Fn(IpAddr) -> bool) -> Named<'a> {
    let mut named = Named::default();
    let (mut listed, mut forwarded) = (Chain::default(), Chain::default());
    for (name, value) in headers {
        match name.len() {
            15 if name.eq_ignore_ascii_case(b"x-forwarded-for") => {
                named.x_forwarded_for.get_or_insert(value);
                listed.add_list(value.rsplit(|&byte| byte == b',').filter_map(node), &trusted);
            }
            9 if name.eq_ignore_ascii_case(b"x-real-ip") => {
                named.x_real_ip.get_or_insert(value);
            }
            9 if name.eq_ignore_ascii_case(b"forwarded") => {
                Elements { rest: value, quotes: true }
                    .filter_map(node)
                    .for_each(|address| forwarded.add_list(std::iter::once(address), &trusted));
            }
            _ => {}
        }
    }
    let silent = named.x_forwarded_for.unwrap_or_default().is_empty() && named.x_real_ip.unwrap_or_default().is_empty();
    let real = || named.x_real_ip.and_then(node);
    named.client = listed.client().or_else(real).or_else(|| forwarded.client().filter(|_| silent));
    named
}

/// A list of addresses that comes line by line.
#[derive(Default)]
struct Chain {
    first: Option<IpAddr>,
    stranger: Option<IpAddr>,
}

impl Chain {
    /// Adds the next line's addresses, from its right end on. What stands left of the first that is not trusted is nobody's word, and is not
    /// looked at: a client may have written thousands.
    fn add_list(&mut self, from_the_right: impl Iterator<Item = IpAddr>, trusted: impl Fn(IpAddr) -> bool) {
        let mut leftmost = None;
        for address in from_the_right {
            if !trusted(address) {
                self.stranger = Some(address);
                return;
            }
            leftmost = Some(address);
        }
        self.first = self.first.or(leftmost);
    }

    fn client(&self) -> Option<IpAddr> {
        self.stranger.or(self.first)
    }
}

/// The address of a node: bare, in brackets, with a port or in quotes. Names that hide one (`unknown`, `_x`) give none.
pub(crate) fn node(text: &[u8]) -> Option<IpAddr> {
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

/// The `for` parameters of a `Forwarded` value, one of each element.
struct Elements<'a> {
    rest: &'a [u8],
    /// Quotes hide what stands in them. Once one is not closed, none behind it is either, and nothing is looked at twice.
    quotes: bool,
}

impl<'a> Iterator for Elements<'a> {
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

/// Cuts behind the next `;` or `,` that stands outside of quotes, if quotes count. False: one is not closed.
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
    // A quote that nobody closes is no quote: it must not hide what a proxy has appended.
    match text.iter().position(|byte| matches!(byte, b';' | b',')).filter(|_| quoted) {
        Some(at) => (&text[..at], &text[at + 1..], false),
        None => (text, &[], !quoted),
    }
}

#[cfg(test)]
mod tests;
