//! The forms of the request target, and the syntax of hosts.

use super::{Method, Reject};

/// The parts of a request target that matter for routing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    /// The path as sent; `*` means the whole server.
    pub(super) path: &'a [u8],
    /// What follows the `?`, if there is one.
    pub(super) query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Splits a target in origin, absolute or asterisk form (RFC 9112, 3.2).
    pub(super) fn split(target: &'a [u8], method: Method) -> Result<Self, Reject> {
        if target == b"*" {
            return match method {
                Method::Options => Ok(Self { path: target, query: None }),
                _ => Err(Reject::bad_request("the target * is for OPTIONS only")),
            };
        }
        if target.first() == Some(&b'/') {
            return Ok(Self::cut_query(target));
        }
        let Some(rest) = strip_scheme(target) else {
            return Err(Reject::bad_request("the request target is neither a path nor an http URI"));
        };
        let authority_len = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(authority_len);
        if authority.is_empty() || authority[0] == b':' || !is_host(authority) {
            return Err(Reject::bad_request("the request target's host is invalid"));
        }
        let mut split = Self::cut_query(path_and_query);
        if split.path.is_empty() {
            // RFC 9112, 3.2.4: OPTIONS for a URI without path and query means the whole server.
            let whole_server = method == Method::Options && split.query.is_none();
            split.path = if whole_server { b"*" } else { b"/" };
        }
        Ok(split)
    }

    fn cut_query(target: &'a [u8]) -> Self {
        match target.iter().position(|&b| b == b'?') {
            Some(at) => Self { path: &target[..at], query: Some(&target[at + 1..]) },
            None => Self { path: target, query: None },
        }
    }
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].into_iter().find_map(|scheme| {
        let (head, rest) = target.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// Whether this is a host with an optional port (RFC 9110, 7.2). It may be empty; user information is not allowed.
pub(super) fn is_host(value: &[u8]) -> bool {
    let port = if let Some(literal) = value.strip_prefix(b"[") {
        let Some(end) = literal.iter().position(|&b| b == b']') else {
            return false;
        };
        let (address, rest) = (&literal[..end], &literal[end + 1..]);
        if address.is_empty() || !address.iter().all(|&b| is_name_byte(b) || b == b':') {
            return false;
        }
        rest
    } else {
        let end = value.iter().position(|&b| b == b':').unwrap_or(value.len());
        let (name, rest) = value.split_at(end);
        if !name.iter().all(|&b| is_name_byte(b)) {
            return false;
        }
        rest
    };
    match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Whether this byte is unreserved, a sub-delimiter, or part of a percent-encoded byte (RFC 3986, 3.2.2).
fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
        || matches!(byte, b'!' | b'$' | b'%' | b'&'..=b',' | b';' | b'=')
}
