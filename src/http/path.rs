//! Paths: percent-decoding, and the clean form that routes are compared in.

use super::Reject;

/// A decoded path, and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The path, with slashes in a row made one.
    pub path: &'a [u8],
    /// How it was written.
    pub form: Form,
}

/// How a path was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the form that routes are compared with. A slash at the end is allowed.
    Clean,
    /// With several slashes in a row, as happens when a configured address ends in a slash. It may be served without a redirect: a browser
    /// does not follow the redirect of a preflight.
    Doubled,
    /// With `.` or `..` segments, or without a slash at its start: only its clean form may be served.
    Unclean,
}

/// Decodes a path. Where there is nothing to decode this is the path itself, otherwise `scratch` is overwritten with it.
///
/// # Errors
///
/// 400 when a `%` is not followed by two hexadecimal digits.
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

/// Whether a path needs no decoding and is clean. This is asked of every request, and true of nearly all.
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

/// Appends the clean form of a decoded path to `out`, percent-encoded again, as a redirect's `Location` needs it.
///
/// `.` and empty segments are dropped, `..` drops the segment before it, a slash at the end stays. The result begins with
/// exactly one slash, so it can't be read as another host.
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

/// Appends `text` with its escapes decoded, with `plus_is_blank` as in query strings. `None` at a bad escape.
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

/// Appends a path segment, with everything escaped that Go's `url.URL` escapes in a path.
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
