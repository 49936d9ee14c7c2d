//! Who may send a request that changes something.
//!
//! A page in a browser on the same machine can send requests here too, and must not succeed. So we require a custom header, which a page may
//! send to another origin only if that origin allows it, and we allow none; we refuse requests that come from a page at all (browsers send
//! its origin); and we refuse a `Host` that is a name, as it is when a page points its own name at us (DNS rebinding).

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};

/// The header that must be present, with any value.
pub const HEADER: &str = "x-takeup-admin";

/// Whether the request comes from a program rather than a page.
pub(in crate::admin) fn admit(headers: &HeaderMap) -> Result<(), &'static str> {
    if !headers.contains_key(HEADER) {
        return Err("the header X-Takeup-Admin is missing");
    }
    if [header::ORIGIN.as_str(), "sec-fetch-site"].iter().any(|name| headers.contains_key(*name)) {
        return Err("not from a browser");
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_address(host) { Ok(()) } else { Err("address this port by its number, or as localhost") }
}

fn is_address(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    host.parse::<SocketAddr>().is_ok()
        || host.parse::<IpAddr>().is_ok()
        || name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|ip| ip.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_a_name_is_not_ours() {
        for host in ["127.0.0.1", "127.0.0.1:8888", "[::1]", "[::1]:8888", "::1", "localhost", "LOCALHOST:8888"] {
            assert!(is_address(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:8888", "127.0.0.1.evil.example:8888", "localhost.evil.example"] {
            assert!(!is_address(host), "{host}");
        }
    }
}
