//! A request's head: found, judged, and kept as offsets into the caller's buffer.

use std::mem::MaybeUninit;

use super::bytes::is_token_byte;
use super::framing::{Framing, MessageHeaders};
use super::request_line::{BARE_LF, RequestLine, check_lengths};
use super::{HEADERS_MAX, Limits, Method, Reject, Version};

/// The longest head whose offsets fit a [`Slot`].
const HEAD_BYTES_MAX: usize = u16::MAX as usize;

/// Empty lines that may stand before the request line (RFC 9112, 2.2, asks for at least one).
const EMPTY_LINES_MAX: usize = 2;

/// What [`decode_head`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadStatus {
    /// The head has not ended yet: call again with the same bytes and more behind them.
    Partial,
    /// The head is whole and good.
    Complete,
}

/// A range of the buffer. Sixteen bits keep a head small, for it lives as long as its connection is busy.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u16,
    len: u16,
}

impl Span {
    /// The span of `part` within `buf`, which it was cut from.
    fn of(buf: &[u8], part: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(buf.as_ptr() as usize);
        debug_assert!(start + part.len() <= buf.len() && buf.len() <= HEAD_BYTES_MAX);
        Self { start: start as u16, len: part.len() as u16 }
    }

    fn get(self, buf: &[u8]) -> &[u8] {
        let start = usize::from(self.start);
        buf.get(start..start + usize::from(self.len)).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    name: Span,
    value: Span,
}

const _: () = assert!(size_of::<Slot>() == 8);

/// The path: bytes of the target, or what an absolute URI without one means.
#[derive(Clone, Copy, Debug)]
enum Path {
    Sent(Span),
    Root,
    WholeServer,
}

/// A request's head. Reused from request to request; it holds offsets only, so every accessor takes the buffer that
/// [`decode_head`] was given (its first [`Head::len`] bytes must be unchanged).
#[derive(Clone, Debug)]
pub struct Head {
    /// Bytes already searched for line ends while the head is partial; zero for a fresh one.
    scanned: usize,
    /// End of the request line while the head is partial, once it has been judged.
    line_end: usize,
    len: usize,
    method: Method,
    version: Version,
    framing: Framing,
    keep_alive: bool,
    expects_continue: bool,
    method_name: Span,
    path: Path,
    query: Option<Span>,
    target: Span,
    slots_len: usize,
    slots: [Slot; HEADERS_MAX],
}

impl Default for Head {
    fn default() -> Self {
        Self::new()
    }
}

impl Head {
    /// An empty head, to decode into.
    pub const fn new() -> Self {
        const EMPTY: Span = Span { start: 0, len: 0 };
        Self {
            scanned: 0,
            line_end: 0,
            len: 0,
            method: Method::Other,
            version: Version::H11,
            framing: Framing::None,
            keep_alive: false,
            expects_continue: false,
            method_name: EMPTY,
            path: Path::Sent(EMPTY),
            query: None,
            target: EMPTY,
            slots_len: 0,
            slots: [Slot { name: EMPTY, value: EMPTY }; HEADERS_MAX],
        }
    }

    /// Forgets a partial head, so that the next call of [`decode_head`] begins anew. Must be called before a head is used for
    /// another connection: otherwise as many bytes as were scanned of the old one would be skipped in the new one. After a
    /// complete head or a refusal nothing is left to forget.
    pub fn reset(&mut self) {
        self.scanned = 0;
        self.line_end = 0;
        self.len = 0;
        self.slots_len = 0;
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The method as sent.
    pub fn method_name<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        self.method_name.get(buf)
    }

    /// The path as sent, still percent-encoded: it begins with `/`, or is `*` (with `OPTIONS` only). For a target in
    /// absolute form this is the URI's path.
    pub fn path<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        match self.path {
            Path::Sent(span) => span.get(buf),
            Path::Root => b"/",
            Path::WholeServer => b"*",
        }
    }

    /// What follows the target's `?`, as sent; `None` without one.
    pub fn query<'a>(&self, buf: &'a [u8]) -> Option<&'a [u8]> {
        self.query.map(|span| span.get(buf))
    }

    /// The whole request target as sent.
    pub fn target<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        self.target.get(buf)
    }

    /// The version that the request is served as.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Does the client allow another request after this one?
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// How the body is delimited.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Does the client wait for `100 Continue` before it sends the body? Only true where a body comes.
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The value of the first header line of this name, without the blanks around it. Names ignore case.
    pub fn header<'a>(&self, buf: &'a [u8], name: &str) -> Option<&'a [u8]> {
        self.slots[..self.slots_len]
            .iter()
            .filter(|slot| usize::from(slot.name.len) == name.len())
            .find(|slot| slot.name.get(buf).eq_ignore_ascii_case(name.as_bytes()))
            .map(|slot| slot.value.get(buf))
    }

    /// All header lines in order, names as sent.
    pub fn headers<'a>(&'a self, buf: &'a [u8]) -> Headers<'a> {
        Headers { slots: self.slots[..self.slots_len].iter(), buf }
    }

    /// Bytes of the whole head: empty lines before it, request line, headers, and the empty line at its end. Zero
    /// while it is partial.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True until a head has been decoded.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes over what was parsed, and judges the headers that frame the request. Offsets count from the start of `buf`.
    fn fill(
        &mut self,
        buf: &[u8],
        method_start: usize,
        line: &RequestLine<'_>,
        headers: &[httparse::Header<'_>],
    ) -> Result<(), Reject> {
        let mut about = MessageHeaders::default();
        for (slot, header) in self.slots.iter_mut().zip(headers) {
            *slot = Slot { name: Span::of(buf, header.name.as_bytes()), value: Span::of(buf, header.value) };
            let value_end = usize::from(slot.value.start) + header.value.len();
            if !ends_in_crlf(&buf[value_end..]) {
                return Err(BARE_LF);
            }
            about.note(header);
        }
        if !buf.ends_with(b"\r\n") {
            return Err(BARE_LF);
        }
        self.slots_len = headers.len();
        about.check_host(line.version)?;
        self.framing = about.framing(line.version)?;
        self.expects_continue = about.expects_continue(line.version, self.framing)?;
        self.keep_alive = about.keep_alive(line.version);
        self.method = line.method;
        self.version = line.version;
        let target_start = method_start + line.method_len + 1;
        self.method_name = Span::of(buf, &buf[method_start..target_start - 1]);
        self.target = Span::of(buf, &buf[target_start..target_start + line.target_len]);
        self.query = line.target.query.map(|query| Span::of(buf, query));
        self.path = match line.target.path {
            b"/" => Path::Root,
            b"*" => Path::WholeServer,
            path => Path::Sent(Span::of(buf, path)),
        };
        self.len = buf.len();
        Ok(())
    }
}

/// The header lines of a [`Head`], as name and value.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    slots: std::slice::Iter<'a, Slot>,
    buf: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.slots.next().map(|slot| (slot.name.get(self.buf), slot.value.get(self.buf)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.slots.size_hint()
    }
}

/// Looks for a whole head at the start of `buf`.
///
/// While the head is partial, call again with the same bytes and more behind them. Only the new ones are looked at,
/// so a head that arrives byte by byte costs at most twice as much as one that arrives at once. After a complete head
/// or a refusal the next call begins anew.
///
/// # Errors
///
/// A [`Reject`] as soon as the bytes so far can't become a good head, by the rules in the module's header.
pub fn decode_head(buf: &[u8], limits: &Limits, head: &mut Head) -> Result<HeadStatus, Reject> {
    let head_bytes = limits.head_bytes.min(HEAD_BYTES_MAX);
    let window = &buf[..buf.len().min(head_bytes)];
    if head.scanned == 0 || head.scanned > window.len() {
        head.reset();
        if let Some(verdict) = decode_at_once(window, limits, head) {
            return verdict.map(|()| HeadStatus::Complete);
        }
    }
    let verdict = match scan(window, limits, head) {
        Ok(Some(end)) => decode_scanned(&window[..end], limits, head).map(|()| HeadStatus::Complete),
        Ok(None) if window.len() == head_bytes => Err(Reject::new(431, "the request's head is too large")),
        Ok(None) => {
            head.scanned = window.len();
            return Ok(HeadStatus::Partial);
        }
        Err(reject) => Err(reject),
    };
    head.scanned = 0;
    head.line_end = 0;
    verdict
}

/// The usual case: the head has arrived whole, and one pass of the parser finds all there is. `None` when it is not
/// that simple; then [`scan`] decides, so that all verdicts on bad heads have one source.
fn decode_at_once(window: &[u8], limits: &Limits, head: &mut Head) -> Option<Result<(), Reject>> {
    let start = skip_empty_lines(window).ok()??;
    let mut headers = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let slots = &mut headers[..limits.headers.min(HEADERS_MAX)];
    let Ok(httparse::Status::Complete(len)) = request.parse_with_uninit_headers(&window[start..], slots) else {
        return None;
    };
    let (method, target) = (request.method?, request.path?);
    let version = if request.version? == 0 { Version::H10 } else { Version::H11 };
    let buf = &window[..start + len];
    // The parser took the line apart at single blanks, so the version's eight bytes end it.
    let line_end = start + method.len() + 1 + target.len() + 1 + 8;
    let crlf = buf.get(line_end) == Some(&b'\r');
    let filled = RequestLine::judge(method, target, version, crlf, limits)
        .and_then(|line| head.fill(buf, start, &line, request.headers));
    Some(filled)
}

/// Searches what is new in `window` for the end of the head, and for faults that can be refused before the end. Returns the head's
/// length when it is whole.
fn scan(window: &[u8], limits: &Limits, head: &mut Head) -> Result<Option<usize>, Reject> {
    let Some(start) = skip_empty_lines(window)? else {
        return Ok(None);
    };
    if !is_token_byte(window[start]) {
        return Err(Reject::bad_request("malformed request line"));
    }
    let mut at = head.scanned.max(start);
    if head.line_end == 0 {
        let Some(lf) = find_lf(window, at) else {
            check_lengths(&window[start..], limits)?;
            return Ok(None);
        };
        RequestLine::decode(&window[start..=lf], limits)?;
        head.line_end = lf + 1;
        at = lf + 1;
    }
    while let Some(lf) = find_lf(window, at) {
        match &window[..lf] {
            [.., b'\n', b'\r'] => return Ok(Some(lf + 1)),
            [.., b'\r'] => at = lf + 1,
            _ => return Err(BARE_LF),
        }
    }
    Ok(None)
}

/// Decodes a whole head that [`scan`] has found the end of.
fn decode_scanned(buf: &[u8], limits: &Limits, head: &mut Head) -> Result<(), Reject> {
    let start = skip_empty_lines(buf)?.unwrap_or(0);
    let line = RequestLine::decode(&buf[start..head.line_end], limits)?;
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let slots = &mut headers[..limits.headers.min(HEADERS_MAX)];
    match httparse::parse_headers(&buf[head.line_end..], slots) {
        Ok(httparse::Status::Complete((_, headers))) => head.fill(buf, start, &line, headers),
        Err(httparse::Error::TooManyHeaders) => Err(Reject::new(431, "the request has too many header lines")),
        Ok(httparse::Status::Partial) | Err(_) => Err(Reject::bad_request("malformed header line")),
    }
}

/// Where the request line begins; `None` while that can't be told yet.
fn skip_empty_lines(window: &[u8]) -> Result<Option<usize>, Reject> {
    const STRAY: Reject = Reject::bad_request("stray line ends before the request line");
    let mut start = 0;
    for _ in 0..EMPTY_LINES_MAX {
        match &window[start..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => start += 2,
            [b'\r' | b'\n', ..] => return Err(STRAY),
            _ => return Ok(Some(start)),
        }
    }
    match &window[start..] {
        [] => Ok(None),
        [b'\r' | b'\n', ..] => Err(STRAY),
        _ => Ok(Some(start)),
    }
}

fn find_lf(window: &[u8], from: usize) -> Option<usize> {
    window[from..].iter().position(|&b| b == b'\n').map(|at| from + at)
}

/// Whether CR follows a trimmed value, blanks aside.
fn ends_in_crlf(after_value: &[u8]) -> bool {
    after_value.iter().find(|b| !matches!(b, b' ' | b'\t')) == Some(&b'\r')
}
