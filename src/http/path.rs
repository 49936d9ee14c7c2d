//! Paths: percent-decoding, and the clean form that routes are compared in.

use super::Reject;

/// Decodes a path. Without escapes this is the path itself, otherwise `scratch` is overwritten with it.
///
/// # Errors
///
/// 400 when a `%` is not followed by two hexadecimal digits.
pub fn decode<'a>(path: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Reject> {
    if !path.contains(&b'%') {
        return Ok(path);
    }
    scratch.clear();
    match unescape_into(path, false, scratch) {
        Some(()) => Ok(scratch),
        None => Err(Reject::bad_request("bad percent-encoding in the path")),
    }
}

/// Is a decoded path its own clean form: no empty, `.` or `..` segment? A slash at the end is allowed.
pub fn is_clean(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else {
        return path == b"*";
    };
    // Every segment but the last must be non-empty; the last is empty after a slash at the end.
    let mut segments = rest.split(|&b| b == b'/').peekable();
    while let Some(segment) = segments.next() {
        if matches!(segment, b"." | b"..") || (segment.is_empty() && segments.peek().is_some()) {
            return false;
        }
    }
    true
}

/// Appends the clean form of a decoded path to `out`, percent-encoded again, as a redirect's `Location` needs it.
///
/// `.` and empty segments go, `..` takes the segment before it along, a slash at the end stays. The result begins with
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
