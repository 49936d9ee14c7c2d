//! The last head of a connection, to recognise the next one.
//!
//! A client that keeps its connection sends nearly the same head with each request: only the query and the length of the body change. If
//! all other bytes are those of the last head, which was found valid, the parts of the new head are where the old ones were, give or take what
//! those two have grown or shrunk. Anything else is decoded from the start.

use std::ops::Range;

use super::framing::parse_length;

/// A longer head is not remembered. Those of browsers are shorter.
pub const LAST_HEAD_BYTES_MAX: usize = 1024;

/// The last head, as far as it is needed to recognise the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct LastHead {
    /// Its bytes; none if no head is remembered.
    bytes: Vec<u8>,
    /// Where its query is, if it has one.
    query: Option<Range<usize>>,
    /// Where the digits of its `Content-Length` are, if it has one.
    length: Option<Range<usize>>,
}

/// A head that differs from the last one in nothing but its query and the length of its body.
pub(super) struct Repeated {
    /// Its length.
    pub(super) len: usize,
    /// Its query.
    pub(super) query: Option<Range<usize>>,
    /// The digits of its `Content-Length`, and their value.
    pub(super) length: Option<(Range<usize>, u64)>,
}

impl LastHead {
    /// Without memory.
    pub(super) const fn none() -> Self {
        Self { bytes: Vec::new(), query: None, length: None }
    }

    /// Forgets it.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
    }

    /// Remembers a valid head, unless it is too long.
    pub(super) fn remember(&mut self, head: &[u8], query: Option<Range<usize>>, length: Option<Range<usize>>) {
        self.bytes.clear();
        if head.len() > LAST_HEAD_BYTES_MAX {
            return;
        }
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(LAST_HEAD_BYTES_MAX);
        }
        self.bytes.extend_from_slice(head);
        self.query = query;
        self.length = length;
    }

    /// Whether the head at the start of `window` has the same bytes.
    #[inline]
    pub(super) fn is_at_start_of(&self, window: &[u8]) -> bool {
        !self.bytes.is_empty() && window.starts_with(&self.bytes)
    }

    /// The head at the start of `window`, if it differs in query and body length alone and is complete.
    #[inline]
    pub(super) fn repeated(&self, window: &[u8]) -> Option<Repeated> {
        if self.bytes.is_empty() {
            return None;
        }
        let mut scan = Scan { window, at: 0, last: &self.bytes, last_at: 0 };
        let mut query = None;
        if let Some(old) = &self.query {
            scan.same_until(old.start)?;
            query = Some(scan.changed(old.end, is_query_byte));
        }
        let mut length = None;
        if let Some(old) = &self.length {
            scan.same_until(old.start)?;
            let digits = scan.changed(old.end, |byte| byte.is_ascii_digit());
            let value = parse_length(&window[digits.clone()]).ok()?;
            length = Some((digits, value));
        }
        scan.same_until(self.bytes.len())?;
        Some(Repeated { len: scan.at, query, length })
    }
}

/// Goes through the last head and the new one side by side.
struct Scan<'a> {
    window: &'a [u8],
    at: usize,
    last: &'a [u8],
    last_at: usize,
}

impl Scan<'_> {
    /// Passes the bytes up to `end` of the last head, if the new one has the same.
    #[inline]
    fn same_until(&mut self, end: usize) -> Option<()> {
        let same = &self.last[self.last_at..end];
        if !self.window[self.at..].starts_with(same) {
            return None;
        }
        self.at += same.len();
        self.last_at = end;
        Some(())
    }

    /// Passes a part that may have changed and ends at `end` in the last head. In the new one it ends where `may_be` does not hold.
    #[inline]
    fn changed(&mut self, end: usize, may_be: impl Fn(u8) -> bool) -> Range<usize> {
        let rest = &self.window[self.at..];
        let part = self.at..self.at + rest.iter().position(|&byte| !may_be(byte)).unwrap_or(rest.len());
        self.at = part.end;
        self.last_at = end;
        part
    }
}

/// Whether a byte may stand in a query wherever it is: all visible ASCII. Others may be valid too, but that takes a decoder to tell.
fn is_query_byte(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
}
