//! Query strings, by the rules of Go's `url.ParseQuery`, which OpenReplay applies to trackers' requests: pairs are separated by `&`; a pair that
//! contains a `;` or a malformed escape is dropped, and the others stay; `+` is a blank; a pair without `=` has an empty value.

use super::path::unescape_into;

/// The pairs of a query string, decoded one at a time.
#[derive(Debug)]
pub struct Pairs<'a> {
    rest: Option<&'a [u8]>,
    scratch: &'a mut Vec<u8>,
}

impl<'a> Pairs<'a> {
    /// Reads `query` (without its `?`). Pairs are decoded into `scratch`, whose content is overwritten.
    pub fn new(query: &'a [u8], scratch: &'a mut Vec<u8>) -> Self {
        Self { rest: Some(query), scratch }
    }

    /// The next valid pair, as key and value.
    #[expect(clippy::should_implement_trait, reason = "the pair borrows from the scratch buffer")]
    pub fn next(&mut self) -> Option<(&[u8], &[u8])> {
        let key_len = loop {
            if let Some(key_len) = decode_pair(take_pair(&mut self.rest)?, self.scratch) {
                break key_len;
            }
        };
        Some(self.scratch.split_at(key_len))
    }
}

/// The decoded value of the first valid pair with this key. Pairs are decoded into `scratch`, whose content is overwritten.
pub fn find<'a>(query: &[u8], key: &str, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = Some(query);
    loop {
        let Some(key_len) = decode_pair(take_pair(&mut rest)?, scratch) else {
            continue;
        };
        if &scratch[..key_len] == key.as_bytes() {
            return Some(&scratch[key_len..]);
        }
    }
}

/// The next pair, up to a `&`.
fn take_pair<'a>(rest: &mut Option<&'a [u8]>) -> Option<&'a [u8]> {
    let text = (*rest)?;
    let Some(at) = text.iter().position(|&b| b == b'&') else {
        *rest = None;
        return Some(text);
    };
    *rest = Some(&text[at + 1..]);
    Some(&text[..at])
}

/// Decodes a pair into `scratch`, the value right after the key. Returns the key's length, or `None` for a pair that is to be dropped.
fn decode_pair(pair: &[u8], scratch: &mut Vec<u8>) -> Option<usize> {
    if pair.is_empty() || pair.contains(&b';') {
        return None;
    }
    let key_end = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
    scratch.clear();
    unescape_into(&pair[..key_end], true, scratch)?;
    let key_len = scratch.len();
    unescape_into(pair.get(key_end + 1..).unwrap_or_default(), true, scratch)?;
    Some(key_len)
}
