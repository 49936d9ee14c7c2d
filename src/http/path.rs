//! Paths: percent-decoding, and the clean form that routes are compared with.

use super::Reject;

/// A decoded path, and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The path, with repeated slashes merged into one.
    pub path: &'a [u8],
    /// How it was written.
    pub form: Form,
}

/// How a path was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the form that routes are compared with. A trailing slash is allowed.
    Clean,
    /// With repeated slashes, as happens when a configured address ends in a slash. It may be served without a redirect, because browsers do not
    /// follow redirects of preflights.
    Doubled,
    /// With `.` or `..` segments, or without a leading slash. Only its clean form may be served.
    Unclean,
}

/// Decodes a path. If nothing needs decoding, the result is the path itself; otherwise the decoded path is written to `scratch`.
///
/// # Errors
///
/// 400 if a `%` is not followed by two hexadecimal digits.
pub fn decode<'a>(path: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Decoded<'a>, Reject> {
    if is_plain(path) {
        return Ok(Decoded { path, form: Form::Clean });
    }
    scratch.clear();
    unescape_into(path, false, scratch).ok_or(Reject::bad_request("bad percent-encoding in the path"))?;
    let decoded_len = scratch.len();
    scratch.dedup_by(|next, last| *next == b'/' && *last == b'/');
    let dots = scratch.split(|&b| b == b'/').any(|segment| matches!(segment, b"." | b".."));
    let form = match &scratch[..] {
        b"*" => Form::Clean,
        [b'/', ..] if dots => Form::Unclean,
        [b'/', ..] if scratch.len() < decoded_len => Form::Doubled,
        [b'/', ..] => Form::Clean,
        _ => Form::Unclean,
    };
    Ok(Decoded { path: scratch, form })
}

/// Whether a path needs no decoding and is clean. This is checked for every request, and is true for nearly all.
fn is_plain(path: &[u8]) -> bool {
    let mut last = 0;
    for &byte in path {
        if byte == b'%' || (last == b'/' && matches!(byte, b'/' | b'.')) {
            return false;
        }
        last = byte;
    }
    path.first() == Some(&b'/')
}

/// Appends the clean form of a decoded path to `out`, percent-encoded again, for a redirect's `Location`.
///
/// `.` and empty segments are dropped, `..` drops the segment before it, and a trailing slash stays. The result begins with exactly one slash,
/// so it cannot be taken for another host.
pub fn clean_into(path: &[u8], out: &mut Vec<u8>) {
    let base = out.len();
    for segment in path.split(|&b| b == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                let parent = out[base..].iter().rposition(|&b| b == b'/').unwrap_or(0);
                out.truncate(base + parent);
            }
            _ => {
                out.push(b'/');
                escape_into(segment, out);
            }
        }
    }
    if out.len() == base || path.ends_with(b"/") {
        out.push(b'/');
    }
}

/// Appends `text` with its escapes decoded. `plus_is_blank` is for query strings. `None`: an escape is malformed.
pub(super) fn unescape_into(text: &[u8], plus_is_blank: bool, out: &mut Vec<u8>) -> Option<()> {
    out.reserve(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'%' => {
                let (digits, after) = after.split_at_checked(2)?;
                out.push(hex_value(digits[0])? << 4 | hex_value(digits[1])?);
                after
            }
            b'+' if plus_is_blank => {
                out.push(b' ');
                after
            }
            _ => {
                out.push(byte);
                after
            }
        };
    }
    Some(())
}

/// Appends a path segment with the escapes that Go's `url.URL` uses in a path.
fn escape_into(segment: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in segment {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
