//! What a browser does by itself when a page on another origin fetches something.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};

use super::connection::{Answer, Fault, Pool};
use super::world::World;

/// Where the pages of the captures were.
const ORIGIN: &str = "http://shop.localhost";

/// How long a preflight holds if the answer does not say.
const ALLOWED_FOR: Duration = Duration::from_secs(5);

/// How long it holds at most, whatever the answer says.
const ALLOWED_FOR_MAX: Duration = Duration::from_secs(7200);

/// How many preflights are remembered. From trackers 18.2 on hardly any address comes back.
const ALLOWED_MAX: usize = 16;

/// How often a browser repeats a request whose connection was closed without an answer.
const REPEATS_MAX: u32 = 2;

/// The browser of one visitor.
pub struct Browser {
    world: Rc<World>,
    pool: Rc<Pool>,
    source: Option<Ipv4Addr>,
    origin: HeaderValue,
    allowed: RefCell<Vec<Allowed>>,
}

/// A preflight that was answered well.
struct Allowed {
    method: Method,
    path: String,
    fields: &'static str,
    until: Instant,
}

/// A request of a page.
pub struct Fetch {
    /// The method.
    pub method: Method,
    /// The path and query, without the server's prefix.
    pub path: String,
    /// The fields that the page sets, as a preflight names them: in lower case, sorted, with commas.
    pub asks: &'static str,
    /// These fields.
    pub fields: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// The page gets no answer that it may read: `Failed to fetch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected;

impl Browser {
    /// The browser of a visitor.
    pub fn new(world: &Rc<World>, visitor: u32) -> Browser {
        let own = format!("http://{}", world.plan.target.authority());
        let origin = if world.plan.preflights { ORIGIN } else { &own };
        Browser {
            world: Rc::clone(world),
            pool: world.pool(),
            source: world.plan.target.source_of(visitor),
            origin: HeaderValue::from_str(origin).unwrap_or(HeaderValue::from_static(ORIGIN)),
            allowed: RefCell::default(),
        }
    }

    /// Fetches something that was due then: asks first, if it must.
    pub async fn fetch(&self, fetch: &Fetch, due: Instant) -> Result<Answer, Rejected> {
        if !self.ask(fetch, due).await {
            return Err(Rejected);
        }
        let request = || {
            let mut request = self.request(&fetch.method, &fetch.path, fetch.body.clone());
            let headers = request.headers_mut();
            headers.extend(fetch.fields.iter().map(|(name, value)| (name.clone(), value.clone())));
            request
        };
        let answer = self.send(request).await.map_err(|_| Rejected)?;
        if self.world.plan.preflights && !self.may_read(&answer.headers) {
            return Err(Rejected);
        }
        Ok(answer)
    }

    /// Sends the preflight of a request, if it needs one and none holds. Whether the request may be sent.
    pub async fn ask(&self, fetch: &Fetch, due: Instant) -> bool {
        if !self.world.plan.preflights {
            return true;
        }
        let now = Instant::now();
        self.allowed.borrow_mut().retain(|allowed| allowed.until > now);
        let holds = |allowed: &Allowed| {
            allowed.method == fetch.method && allowed.path == fetch.path && allowed.fields == fetch.asks
        };
        if self.allowed.borrow().iter().any(holds) {
            return true;
        }
        let request = || {
            let mut request = self.request(&Method::OPTIONS, &fetch.path, Bytes::new());
            let headers = request.headers_mut();
            let method = HeaderValue::from_str(fetch.method.as_str()).unwrap_or(HeaderValue::from_static("POST"));
            headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, method);
            headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(fetch.asks));
            request
        };
        let Ok(answer) = self.send(request).await else { return false };
        let mut tally = self.world.tally.borrow_mut();
        tally.preflights.record(due.elapsed());
        let good = (200..300).contains(&answer.status);
        if !good || !self.may_read(&answer.headers) || !allows(&answer.headers, fetch.asks) {
            tally.counts.preflights_refused += 1;
            return false;
        }
        let age = self.world.played(age(&answer.headers));
        let mut allowed = self.allowed.borrow_mut();
        if allowed.len() == ALLOWED_MAX {
            allowed.remove(0);
        }
        let (method, path, fields) = (fetch.method.clone(), fetch.path.clone(), fetch.asks);
        allowed.push(Allowed { method, path, fields, until: Instant::now() + age });
        true
    }

    fn request(&self, method: &Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        // What it is made of was checked: the prefix by the target, the rest is ours.
        *request.uri_mut() = self.world.plan.target.path(path).parse().unwrap_or_default();
        let headers = request.headers_mut();
        let mut set = |name: HeaderName, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        set(header::HOST, self.world.plan.target.authority());
        set(header::CONNECTION, "keep-alive");
        set(header::USER_AGENT, &self.world.agent);
        set(header::ACCEPT, "*/*");
        set(header::REFERER, ORIGIN);
        set(HeaderName::from_static("sec-fetch-site"), "cross-site");
        set(HeaderName::from_static("sec-fetch-mode"), "cors");
        set(HeaderName::from_static("sec-fetch-dest"), "empty");
        set(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd");
        set(header::ACCEPT_LANGUAGE, "en-US,en;q=0.9");
        headers.insert(header::ORIGIN, self.origin.clone());
        request
    }

    /// Sends a request, and again if it met a connection that the server was closing. Without an answer: what happened last.
    async fn send(&self, request: impl Fn() -> Request<Full<Bytes>>) -> Result<Answer, Fault> {
        let mut repeats = 0;
        loop {
            let request = request();
            let bytes = hyper::body::Body::size_hint(request.body()).exact().unwrap_or_default();
            if self.pool.is_full() {
                self.world.tally.borrow_mut().counts.connection_waits += 1;
            }
            let began = Instant::now();
            let tried = self.pool.send(self.source, request).await;
            let mut tally = self.world.tally.borrow_mut();
            tally.counts.bytes += bytes;
            match tried.outcome {
                Ok(answer) => {
                    tally.counts.requests += 1;
                    *tally.counts.statuses.entry(answer.status).or_default() += 1;
                    tally.exchanges.record(began.elapsed());
                    return Ok(answer);
                }
                Err(fault) => {
                    *tally.counts.faults.entry(fault.name()).or_default() += 1;
                    if !tried.reused || fault != Fault::Closed || repeats == REPEATS_MAX {
                        return Err(fault);
                    }
                    tally.counts.browser_repeats += 1;
                    repeats += 1;
                }
            }
        }
    }

    /// Whether a page of our origin may see this answer.
    fn may_read(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        origin.is_some_and(|origin| origin == "*" || origin == self.origin)
    }
}

/// Whether the answer to a preflight allows all these fields. `*` does not stand for `Authorization`.
fn allows(headers: &HeaderMap, asks: &str) -> bool {
    let lists = headers.get_all(header::ACCESS_CONTROL_ALLOW_HEADERS).iter().filter_map(|list| list.to_str().ok());
    let names: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
    asks.split(',').all(|asked| {
        names.iter().any(|name| name.eq_ignore_ascii_case(asked) || (*name == "*" && asked != "authorization"))
    })
}

/// How long the answer to a preflight holds.
fn age(headers: &HeaderMap) -> Duration {
    let text = headers.get(header::ACCESS_CONTROL_MAX_AGE).and_then(|age| age.to_str().ok());
    let seconds = text.and_then(|text| text.trim().parse().ok());
    seconds.map_or(ALLOWED_FOR, Duration::from_secs).min(ALLOWED_FOR_MAX)
}

#[cfg(test)]
mod tests;
