//! The log line of one answered request, as a core hands it over: fixed size, no pointers into the request.

use std::fmt;

/// A short text stored inline, at most `N` bytes (`N` at most 65,535).
///
/// Longer text is cut, at a character boundary if it is UTF-8. Bytes are kept as received: the printer thread shows invalid UTF-8 as U+FFFD.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    len: u16,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// An empty text.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; N] };

    /// The first `N` bytes of `bytes`, without a partial character at the end.
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        let mut text = Self::EMPTY;
        text.push(bytes);
        text
    }

    /// Appends as much of `bytes` as fits.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        const { assert!(N <= u16::MAX as usize) };
        let start = usize::from(self.len);
        let room = N - start;
        let take = if bytes.len() <= room { bytes.len() } else { boundary(bytes, room) };
        self.bytes[start..start + take].copy_from_slice(&bytes[..take]);
        self.len = (start + take) as u16;
    }

    /// The bytes held.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether the text is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The greatest index at or below `at` that does not split a UTF-8 character; `at` itself if the bytes there are not UTF-8.
fn boundary(bytes: &[u8], at: usize) -> usize {
    let mut cut = at;
    // A character has at most three continuation bytes; a longer run is not a character anyway.
    while cut > 0 && at - cut < 4 && bytes[cut] & 0xC0 == 0x80 {
        cut -= 1;
    }
    if at - cut < 4 { cut } else { at }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl<const N: usize> From<&[u8]> for Text<N> {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

/// `write!` into the text; it never fails, excess text is cut.
impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// What is known of a request when its answer is sent. Empty fields are left out of the line.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine {
    /// Where the answer was decided, from [`caller!`](crate::caller).
    pub caller: &'static str,
    /// The answer's status; 400 and above make the line a `response error`.
    pub status: u16,
    /// Known once the token has been read or issued.
    pub session: Option<u64>,
    /// Known once the project has been found.
    pub project: Option<u32>,
    /// The tracker's version, known once the start request has been parsed.
    pub tracker: Text<32>,
    /// The request's method.
    pub method: &'static str,
    /// The request's path, without its query.
    pub url: Text<96>,
    /// The `batch` parameter of the query.
    pub batch: Text<128>,
    /// The batch's data type.
    pub data_type: Text<24>,
    /// Why it was refused; used when `status` is 400 or more.
    pub error: Text<200>,
}

impl RequestLine {
    /// A line with only the three facts that every answer has.
    pub fn new(caller: &'static str, method: &'static str, status: u16) -> Self {
        Self {
            caller,
            status,
            session: None,
            project: None,
            tracker: Text::EMPTY,
            method,
            url: Text::EMPTY,
            batch: Text::EMPTY,
            data_type: Text::EMPTY,
            error: Text::EMPTY,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(Text::<4>::from("abcdef").to_string(), "abcd");
        assert_eq!(Text::<4>::from("abc€").to_string(), "abc");
        assert_eq!(Text::<6>::from("abc€").to_string(), "abc€");
        assert_eq!(Text::<2>::from("€").to_string(), "");
        assert_eq!(Text::<5>::from("a😀b").to_string(), "a😀");
        assert_eq!(Text::<4>::from("a😀b").to_string(), "a");
        assert_eq!(Text::<0>::from("a").to_string(), "");
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_and_shown_as_replacement_characters() {
        assert_eq!(Text::<8>::new(b"a\xFFb").to_string(), "a\u{FFFD}b");
        assert_eq!(Text::<3>::new(&[0x80; 10]).as_bytes().len(), 0);
        assert_eq!(Text::<8>::new(&[0x80; 10]).as_bytes().len(), 8);
    }

    #[test]
    fn writing_past_the_end_is_cut_and_no_error() {
        let mut text = Text::<5>::EMPTY;
        write!(text, "{}-{}", 12, 3456).unwrap();
        assert_eq!(text.to_string(), "12-34");
    }
}
