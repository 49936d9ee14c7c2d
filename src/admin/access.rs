//! Who may see recordings, and change something from the admin page.
//!
//! With a token set, everybody needs it: `Authorization: Bearer …`, or the cookie that logging in with it sets. On loopback, too: a proxy on
//! this machine may pass requests on without saying so.
//!
//! Without one, recordings are shown on loopback alone, where whoever asks is on this machine. But so is every page that a browser on this machine shows: a
//! page may point its own name at this address (DNS rebinding), or ask for what it can't read. So we refuse a `Host` that is not ours,
//! requests that a browser says come from another site, and those that a proxy says it passes on.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::base::time::wall_us;

use super::answer::fault;

/// What gives access.
#[derive(Clone, Default)]
pub struct AccessOptions {
    /// The token; without one, recordings are shown on loopback alone.
    pub token: Option<String>,
    /// Names by which this port may be addressed, besides its address and `localhost`.
    pub hosts: Vec<String>,
}

impl std::fmt::Debug for AccessOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessOptions").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// Decides who may see recordings.
pub(in crate::admin) struct Access {
    bound: IpAddr,
    options: AccessOptions,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::admin) enum Refusal {
    #[error("this name is not known here: address this port by its number or as localhost, or set admin_hosts")]
    Host,
    #[error("not from a page of another site")]
    OtherSite,
    #[error("recordings are shown on this machine alone: set admin_token to see them from elsewhere")]
    NoToken,
    #[error("nothing is changed from here without a token: set admin_token, and restart")]
    NoTokenToChange,
    #[error("the header X-Takeup-Admin is missing")]
    Header,
    #[error("the pictures and styles of a page are not here")]
    Part,
    #[error("the token is missing or wrong")]
    Token,
}

impl Refusal {
    pub(in crate::admin) fn status(self) -> StatusCode {
        match self {
            Refusal::Token => StatusCode::UNAUTHORIZED,
            Refusal::Host
            | Refusal::OtherSite
            | Refusal::NoToken
            | Refusal::NoTokenToChange
            | Refusal::Header
            | Refusal::Part => StatusCode::FORBIDDEN,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        fault(self.status(), &self.to_string())
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const COOKIE_NAME: &str = "takeup_admin";
/// How long a login lasts, in seconds.
const COOKIE_AGE_S: u64 = 12 * 3600;

/// What proxies add.
const OF_PROXIES: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "via"];

impl Access {
    pub(in crate::admin) fn new(bound: SocketAddr, options: AccessOptions) -> Access {
        Access { bound: bound.ip(), options }
    }

    /// Whether the request is for this port, and comes from no other site. Enough for what shows no recordings.
    pub(in crate::admin) fn admit_page(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.host(headers)?;
        // A link from elsewhere to the page is such a request too, and is harmless.
        Ok(())
    }

    /// Whether the request may see recordings.
    pub(in crate::admin) fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.host(headers)?;
        is_of_this_site(headers)?;
        if !self.has_token() && self.is_local(headers) { Ok(()) } else { self.token(headers) }
    }

    /// Whether the request may see what scripts and persons read. A recorded page whose pictures are loaded is of this site for a browser, and its pictures and
    /// styles may have any address: nothing of this may be held up by them.
    pub(in crate::admin) fn admit_reader(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.admit(headers)?;
        let is_part = |dest: &axum::http::HeaderValue| dest != "empty" && dest != "document";
        if headers.get(SEC_FETCH_DEST).is_some_and(is_part) { Err(Refusal::Part) } else { Ok(()) }
    }

    /// Whether the request may change something: a page of this port, or a program, with the token in any case.
    pub(in crate::admin) fn admit_change(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.host(headers)?;
        is_of_this_site(headers)?;
        if !headers.contains_key(super::HEADER) {
            // A form can't send it, and a page of another site must ask first, which is never allowed.
            return Err(Refusal::Header);
        }
        if !self.has_token() {
            return Err(Refusal::NoTokenToChange);
        }
        self.token(headers)
    }

    /// The cookie for a request that has the token.
    pub(in crate::admin) fn log_in(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        self.host(headers)?;
        is_of_this_site(headers)?;
        self.token(headers)?;
        let token = self.options.token.as_deref().ok_or(Refusal::NoToken)?;
        let value = cookie_until(now_s() + COOKIE_AGE_S, token);
        Ok(format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={COOKIE_AGE_S}"))
    }

    /// Whether a token is set: actions of the page need it.
    pub(in crate::admin) fn has_token(&self) -> bool {
        self.options.token.is_some()
    }

    fn host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = host_of(headers).ok_or(Refusal::Host)?;
        let is_ours = match ip_of(host) {
            Some(ip) => ip.is_loopback() || ip == self.bound || self.bound.is_unspecified(),
            None => {
                is_localhost(host) || self.options.hosts.iter().any(|known| known.eq_ignore_ascii_case(name_of(host)))
            }
        };
        if is_ours { Ok(()) } else { Err(Refusal::Host) }
    }

    /// Whether the request comes from this machine, through no proxy.
    fn is_local(&self, headers: &HeaderMap) -> bool {
        let is_for_loopback =
            host_of(headers).is_some_and(|host| is_localhost(host) || ip_of(host).is_some_and(|ip| ip.is_loopback()));
        self.bound.is_loopback() && is_for_loopback && !OF_PROXIES.iter().any(|name| headers.contains_key(*name))
    }

    fn token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let token = self.options.token.as_deref().ok_or(Refusal::NoToken)?;
        let sent = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = sent(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if bearer.is_some_and(|bearer| is_same(bearer.trim(), token)) {
            return Ok(());
        }
        let cookies = sent(header::COOKIE).unwrap_or_default().split(';');
        let mut cookies = cookies.filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
        let now_s = now_s();
        if cookies.any(|cookie| is_cookie(cookie, token, now_s)) { Ok(()) } else { Err(Refusal::Token) }
    }
}

/// A browser says where a request comes from. `same-site` is another port of this machine, which is somebody else's.
fn is_of_this_site(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_of_ours = |site: &axum::http::HeaderValue| site == "same-origin" || site == "none";
    if headers.get(SEC_FETCH_SITE).is_some_and(|site| !is_of_ours(site)) {
        return Err(Refusal::OtherSite);
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let of_host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    if of_host.is_some() && of_host == host_of(headers) { Ok(()) } else { Err(Refusal::OtherSite) }
}

/// The only `Host`; with several, none.
fn host_of(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::HOST).iter();
    let host = all.next().filter(|_| all.next().is_none())?;
    host.to_str().ok().filter(|host| !host.is_empty())
}

/// The host without its port.
fn name_of(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_localhost(host: &str) -> bool {
    name_of(host).eq_ignore_ascii_case("localhost")
}

fn ip_of(host: &str) -> Option<IpAddr> {
    let bare = |host: &str| host.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = host.parse::<SocketAddr>().ok().map(|address| address.ip());
    address.or_else(|| host.parse().ok()).or_else(|| bare(host)).map(|ip: IpAddr| ip.to_canonical())
}

/// Takes as long whatever is sent: hashes are compared in constant time.
fn is_same(sent: &str, wanted: &str) -> bool {
    blake3::hash(sent.as_bytes()) == blake3::hash(wanted.as_bytes())
}

fn now_s() -> u64 {
    wall_us() / 1_000_000
}

/// A cookie that is as good as the token until a time (Unix s), and does not show it. Browsers send cookies to every port of a host, so others may see it: it
/// ends here too, whatever they keep.
fn cookie_until(until_s: u64, token: &str) -> String {
    let key = blake3::derive_key("takeup admin page, cookie of a login until a time", token.as_bytes());
    format!("{until_s}.{}", blake3::keyed_hash(&key, &until_s.to_le_bytes()))
}

/// Whether a cookie was given for this token, and has not ended. One that would end later than any that is given now was given by a wrong clock.
fn is_cookie(cookie: &str, token: &str, now_s: u64) -> bool {
    let until_s = cookie.split('.').next().and_then(|until| until.parse::<u64>().ok());
    until_s.is_some_and(|until_s| {
        (now_s..=now_s + COOKIE_AGE_S).contains(&until_s) && is_same(cookie, &cookie_until(until_s, token))
    })
}

#[cfg(test)]
mod tests;
