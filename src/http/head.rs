//! A request's head: finds it, checks it, and keeps it as offsets into the caller's buffer.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::bytes::is_token_byte;
use super::field::{Field, FirstLines};
use super::framing::{Framing, MessageHeaders};
use super::last_head::{LastHead, Repeated};
use super::request_line::{BARE_LF, RequestLine, check_lengths};
use super::{HEADERS_MAX, Limits, Method, Reject, Version};

/// The longest head whose offsets fit a [`Slot`].
const HEAD_BYTES_MAX: usize = u16::MAX as usize;

/// How many empty lines are allowed before the request line (RFC 9112, 2.2, asks for at least one).
const EMPTY_LINES_MAX: usize = 2;

/// What [`decode_head`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadStatus {
    /// The head has not ended yet: call again with the same bytes and more after them.
    Partial,
    /// The head is complete and valid.
    Complete,
}

/// A range of the buffer. It uses sixteen bits to keep a head small, because a head lives as long as its connection is busy.
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
        buf.get(self.range()).unwrap_or_default()
    }

    fn range(self) -> Range<usize> {
        let start = usize::from(self.start);
        start..start + usize::from(self.len)
    }

    /// The span of a part that is `by` bytes further on, modulo 2^16.
    fn moved(self, by: u16) -> Self {
        Self { start: self.start.wrapping_add(by), len: self.len }
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        debug_assert!(range.end <= HEAD_BYTES_MAX);
        Self { start: range.start as u16, len: range.len() as u16 }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    name: Span,
    value: Span,
}

const _: () = assert!(size_of::<Slot>() == 8);

/// The path: bytes of the target, or what an absolute URI without a path means.
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
    /// While the head is partial: the bytes already searched for line ends. Zero before the first call.
    scanned: usize,
    /// While the head is partial: the end of the request line, once that has been checked.
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
    first_lines: FirstLines,
    /// The slot of the `Content-Length`, if there is one.
    length_slot: Option<u8>,
    last: LastHead,
    repeats: bool,
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
            first_lines: FirstLines::NONE,
            length_slot: None,
            last: LastHead::none(),
            repeats: false,
        }
    }

    /// Forgets everything, so that the next call of [`decode_head`] starts over. It must be called before a head is used for another
    /// connection; otherwise the bytes already scanned on the old one would be skipped on the new one. Between the requests of a connection
    /// there is no need for it.
    pub fn reset(&mut self) {
        self.scanned = 0;
        self.line_end = 0;
        self.len = 0;
        self.slots_len = 0;
        self.first_lines = FirstLines::NONE;
        self.last.forget();
        self.repeats = false;
    }

    /// Whether it differs from the connection's last head in nothing but the query and the length of the body.
    pub fn repeats(&self) -> bool {
        self.repeats
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

    /// Whether the client allows another request after this one.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// How the body is delimited.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the client waits for `100 Continue` before it sends the body. Always false without a body.
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The trimmed value of the first header line with this name. Names ignore case.
    pub fn header<'a>(&self, buf: &'a [u8], name: &str) -> Option<&'a [u8]> {
        self.slots[..self.slots_len]
            .iter()
            .filter(|slot| usize::from(slot.name.len) == name.len())
            .find(|slot| slot.name.get(buf).eq_ignore_ascii_case(name.as_bytes()))
            .map(|slot| slot.value.get(buf))
    }

    /// The same for a field that was noted when the head was decoded.
    #[inline]
    pub fn field<'a>(&self, buf: &'a [u8], field: Field) -> Option<&'a [u8]> {
        self.first_lines.of(field).map(|at| self.slots[at].value.get(buf))
    }

    /// All header lines in order, names as sent.
    pub fn headers<'a>(&'a self, buf: &'a [u8]) -> Headers<'a> {
        Headers { slots: self.slots[..self.slots_len].iter(), buf }
    }

    /// The length of the whole head: empty lines before it, request line, headers, and the empty line at its end. Zero while it is partial.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True until a head has been decoded.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Stores what was parsed, and checks the headers that frame the request. Offsets count from the start of `buf`.
    fn fill(
        &mut self,
        buf: &[u8],
        method_start: usize,
        line: &RequestLine<'_>,
        headers: &[httparse::Header<'_>],
    ) -> Result<(), Reject> {
        let (mut about, mut first_lines) = (MessageHeaders::default(), FirstLines::NONE);
        for (at, (slot, header)) in self.slots.iter_mut().zip(headers).enumerate() {
            *slot = Slot { name: Span::of(buf, header.name.as_bytes()), value: Span::of(buf, header.value) };
            let value_end = usize::from(slot.value.start) + header.value.len();
            if !ends_in_crlf(&buf[value_end..]) {
                return Err(BARE_LF);
            }
            about.note(at as u8, header);
            first_lines.note(at as u8, header.name);
        }
        if !buf.ends_with(b"\r\n") {
            return Err(BARE_LF);
        }
        self.slots_len = headers.len();
        self.first_lines = first_lines;
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
        self.length_slot = about.length_slot();
        // What begins with empty lines, or expects something, is rare.
        if method_start == 0 && !about.expects() {
            let length = self.length_slot.map(|at| self.slots[usize::from(at)].value.range());
            self.last.remember(buf, self.query.map(Span::range), length);
        }
        Ok(())
    }

    /// Decodes the head at the start of `window` by the last one, if it differs from that in query and body length alone.
    #[inline]
    fn decode_by_last(&mut self, window: &[u8], limits: &Limits) -> bool {
        self.repeats = self.last.is_at_start_of(window)
            || self.last.repeated(window).is_some_and(|repeated| self.follow(window, limits, repeated));
        self.repeats
    }

    /// Moves everything to where it is in a head that differs from the last one in query and body length alone.
    fn follow(&mut self, window: &[u8], limits: &Limits, repeated: Repeated) -> bool {
        let Repeated { len, query, length } = repeated;
        let by =
            query.as_ref().map_or(0, |query| query.len().wrapping_sub(self.query.map_or(0, |old| old.range().len())));
        let target_len = self.target.range().len().wrapping_add(by);
        if target_len > limits.target_bytes {
            return false;
        }
        let by = by as u16;
        self.target.len = target_len as u16;
        self.query = query.clone().map(Span::from);
        let length_slot = self.length_slot.map_or(usize::MAX, usize::from);
        let mut grown = by;
        for (at, slot) in self.slots[..self.slots_len].iter_mut().enumerate() {
            *slot = Slot { name: slot.name.moved(grown), value: slot.value.moved(grown) };
            if let Some((digits, value)) = length.as_ref().filter(|_| at == length_slot) {
                grown = grown.wrapping_add((digits.len() as u16).wrapping_sub(slot.value.len));
                slot.value = digits.clone().into();
                self.framing = Framing::Length(*value);
            }
        }
        self.len = len;
        self.last.remember(&window[..len], query, length.map(|(digits, _)| digits));
        true
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

/// Looks for a complete head at the start of `buf`.
///
/// While the head is partial, call again with the same bytes and more after them. Only the new ones are examined, so a head that arrives byte
/// by byte costs at most twice as much as one that arrives at once. After a complete head or a refusal, the next call starts over.
///
/// # Errors
///
/// A [`Reject`] as soon as the bytes so far cannot become a valid head, by the rules in the module's header.
pub fn decode_head(buf: &[u8], limits: &Limits, head: &mut Head) -> Result<HeadStatus, Reject> {
    let head_bytes = limits.head_bytes.min(HEAD_BYTES_MAX);
    let window = &buf[..buf.len().min(head_bytes)];
    if head.scanned == 0 || head.scanned > window.len() {
        if head.scanned == 0 && head.decode_by_last(window, limits) {
            return Ok(HeadStatus::Complete);
        }
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

/// The usual case: the head has arrived completely, and one pass of the parser finds everything. `None` in all other cases; [`scan`] then
/// decides, so that all refusals of bad heads come from one place.
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
    // The parser split the line at single blanks, so its last eight bytes are the version.
    let line_end = start + method.len() + 1 + target.len() + 1 + 8;
    let crlf = buf.get(line_end) == Some(&b'\r');
    let filled = RequestLine::judge(method, target, version, crlf, limits)
        .and_then(|line| head.fill(buf, start, &line, request.headers));
    Some(filled)
}

/// Searches the new bytes in `window` for the end of the head, and for faults that can be refused before the end. Returns the head's length
/// once it is complete.
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

/// Decodes a complete head, whose end [`scan`] has found.
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

/// Where the request line begins; `None` while that is not yet known.
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

/// Whether a CR follows a trimmed value, after any blanks.
fn ends_in_crlf(after_value: &[u8]) -> bool {
    after_value.iter().find(|b| !matches!(b, b' ' | b'\t')) == Some(&b'\r')
}
