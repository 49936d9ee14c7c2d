//! One request.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::assets::kind::Kind;

use super::left_out::LeftOut;
use super::network::Networks;

/// How a site may know who asks.
pub const USER_AGENT: &str = concat!("takeup/", env!("CARGO_PKG_VERSION"), " (assets fetch)");

const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A connection that is idle for longer may have been closed by the site.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// After so many bytes an answer that is nothing to be kept is not read on.
const HEAD_BYTES: usize = 64;

/// Asks sites, and nothing but sites of the public internet and of the networks that an operator has named.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    networks: Arc<Networks>,
    timeout: Duration,
    bytes_max: u64,
}

/// What a site has answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A file. Whether the site calls it a style sheet.
    File {
        /// All of it.
        bytes: Vec<u8>,
        /// Its `Content-Type` is `text/css`.
        is_css: bool,
    },
    /// It is somewhere else.
    Moved(Url),
    /// The site wants to be asked later.
    Busy {
        /// 429 or 503.
        status: u16,
        /// `Retry-After`.
        wait: Option<Duration>,
    },
}

impl Client {
    /// Makes a client. An answer takes at most `timeout` and has at most `bytes_max` bytes. With `with_tls`, it needs the certificates of the machine.
    ///
    /// # Errors
    /// There are none, or the system gives no room.
    pub fn new(networks: Networks, with_tls: bool, timeout: Duration, bytes_max: u64) -> Result<Client, String> {
        let networks = Arc::new(networks);
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX.min(timeout))
            .timeout(timeout)
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(1)
            .http1_only()
            // Each step is judged before it is taken.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            // A proxy would resolve names by itself.
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .dns_resolver(Arc::new(Resolver { networks: Arc::clone(&networks) }))
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(tls(with_tls)?);
        let http = builder.build().map_err(|error| format!("make an HTTP client: {}", words(&error)))?;
        Ok(Client { http, networks, timeout, bytes_max })
    }

    /// Asks for a URL. `path` is that of the file, by which [`Kind::of`] judges it.
    ///
    /// # Errors
    /// Why there is nothing to be kept.
    pub async fn get(&self, url: &Url, path: &str) -> Result<Answer, LeftOut> {
        // An address is not resolved, so the resolver does not see it.
        match url.host() {
            Some(Host::Ipv4(address)) => self.judge(address.into())?,
            Some(Host::Ipv6(address)) => self.judge(address.into())?,
            Some(Host::Domain(_)) | None => {}
        }
        let request = self.http.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        let answer = request.send().await.map_err(|error| self.fault(error))?;
        match answer.status() {
            StatusCode::OK => self.file(answer, path).await,
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => moved(&answer, url),
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => Err(LeftOut::Missing(status.as_u16())),
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                let wait = header(&answer, RETRY_AFTER).and_then(|text| wait(text, Timestamp::now()));
                Ok(Answer::Busy { status: status.as_u16(), wait })
            }
            status => Err(LeftOut::Failed(format!("status {}", status.as_u16()))),
        }
    }

    async fn file(&self, mut answer: Response, path: &str) -> Result<Answer, LeftOut> {
        if answer.content_length().is_some_and(|length| length > self.bytes_max) {
            return Err(LeftOut::TooLarge);
        }
        if let Some(coding) =
            header(&answer, CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity"))
        {
            return Err(LeftOut::Failed(format!("encoded as {coding:?}, and takeup had asked for the plain file")));
        }
        let media_type = header(&answer, CONTENT_TYPE).and_then(|text| text.split(';').next()).unwrap_or_default();
        let is_css = media_type.trim().eq_ignore_ascii_case("text/css");
        let (mut bytes, mut is_judged) = (Vec::new(), false);
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.fault(error))? {
            if (bytes.len() + chunk.len()) as u64 > self.bytes_max {
                return Err(LeftOut::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
            if !is_judged && bytes.len() >= HEAD_BYTES {
                is_judged = true;
                // A film, say.
                if !may_be_kept(path, is_css, &bytes) {
                    return Err(LeftOut::OtherType);
                }
            }
        }
        Ok(Answer::File { bytes, is_css })
    }

    fn judge(&self, address: IpAddr) -> Result<(), LeftOut> {
        self.networks.judge(address).map_err(|what| LeftOut::RefusedAddress(format!("{address} is not asked: {what}")))
    }

    fn fault(&self, error: reqwest::Error) -> LeftOut {
        if let Some(refused) = cause::<Refused>(&error) {
            return LeftOut::RefusedAddress(refused.to_string());
        }
        if error.is_timeout() {
            let what = if error.is_connect() { "connection" } else { "whole answer" };
            return LeftOut::Failed(format!(
                "no {what} within {:?}",
                if error.is_connect() { CONNECT_MAX.min(self.timeout) } else { self.timeout }
            ));
        }
        LeftOut::Failed(words(&error.without_url()))
    }
}

/// Where an answer leads.
fn moved(answer: &Response, url: &Url) -> Result<Answer, LeftOut> {
    let location =
        header(answer, LOCATION).ok_or_else(|| LeftOut::Failed("a redirect that leads nowhere".to_owned()))?;
    let next = url.join(location).map_err(|_| LeftOut::Failed("a redirect to something that is no URL".to_owned()))?;
    Ok(Answer::Moved(next))
}

fn header(answer: &Response, name: HeaderName) -> Option<&str> {
    answer.headers().get(name)?.to_str().ok()
}

/// Whether a file that begins like this may be one that is kept. Texts are judged when they are whole.
fn may_be_kept(path: &str, is_css: bool, head: &[u8]) -> bool {
    let path = path.to_ascii_lowercase();
    is_css || path.ends_with("css") || path.ends_with("svg") || Kind::of("", head).is_some()
}

/// What `Retry-After` says: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(until.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

/// Resolves names to addresses that may be asked. What it returns is what is connected to: nobody resolves the name again.
struct Resolver {
    networks: Arc<Networks>,
}

/// All addresses of a name are of networks that are not asked.
#[derive(Debug)]
struct Refused {
    address: IpAddr,
    what: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its host is at {}, which is not asked: {}", self.address, self.what)
    }
}

impl Error for Refused {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = Arc::clone(&self.networks);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (mut may, mut refused) = (Vec::new(), None);
            for address in found {
                match networks.judge(address.ip()) {
                    Ok(()) => may.push(address),
                    Err(what) => refused = Some(Refused { address: address.ip(), what }),
                }
            }
            match refused.filter(|_| may.is_empty()) {
                Some(refused) => Err(refused.into()),
                None => Ok(Box::new(may.into_iter()) as Addrs),
            }
        })
    }
}

fn tls(with_roots: bool) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if with_roots {
        let found = rustls_native_certs::load_native_certs();
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(format!("this machine has no certificates of authorities: {}", errors.join("; ")));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// An error of this type among those that led to another.
fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

/// An error and what led to it.
fn words(error: &dyn Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_site_says_when_to_come_back_in_seconds_or_by_a_date() {
        let now: Timestamp = "2026-11-30T06:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("18446744073709551615", Some(u64::MAX)),
            ("Mon, 30 Nov 2026 06:01:30 GMT", Some(90)),
            ("Mon, 30 Nov 2026 05:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_film_is_not_read_to_its_end() {
        assert!(!may_be_kept("/a.mp4", false, b"\0\0\0\x20ftypisom"));
        assert!(!may_be_kept("/", false, b"<!doctype html>"));
        assert!(may_be_kept("/a.css", false, b"a{}"));
        assert!(may_be_kept("/css2", true, b"@font-face{}"));
        assert!(may_be_kept("/a.SVG", false, b"<svg/>"));
        assert!(may_be_kept("/picture", false, b"\x89PNG\r\n\x1a\n...."));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_name_that_leads_to_this_machine_is_not_asked_unless_its_network_is_named() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let get = async |networks: Networks, host: &str| {
            let client = Client::new(networks, false, Duration::from_secs(5), 1000).unwrap();
            client.get(&Url::parse(&format!("http://{host}:{port}/")).unwrap(), "/").await.unwrap_err()
        };
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"] {
            let why = get(Networks::default(), host).await;
            assert!(matches!(&why, LeftOut::RefusedAddress(_)), "{host}: {why}");
        }
        for host in ["localhost", "127.0.0.1"] {
            let own = Networks::with(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
            let why = get(own, host).await;
            assert!(matches!(&why, LeftOut::Failed(_)), "{host}: {why}");
        }
    }
}
