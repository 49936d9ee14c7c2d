//! Texts of clients: cut to a length, and made UTF-8.

use std::borrow::Cow;

/// The longest text in a column, in bytes.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;

/// A client's text, cut between two characters to at most [`TEXT_BYTES_MAX`] bytes. Bytes that are not UTF-8 become U+FFFD. The second value
/// says whether it was cut.
pub(super) fn text(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    let head = head(bytes, TEXT_BYTES_MAX);
    let cut = head.len() < bytes.len();
    // Most are UTF-8, and this looks at many bytes at once.
    if let Ok(text) = std::str::from_utf8(head) {
        return (Cow::Borrowed(text), cut);
    }
    match String::from_utf8_lossy(head) {
        // U+FFFD is longer than the byte that it stands for.
        Cow::Owned(mut text) if text.len() > TEXT_BYTES_MAX => {
            let whole = (0..=TEXT_BYTES_MAX).rev().find(|&end| text.is_char_boundary(end));
            text.truncate(whole.unwrap_or_default());
            (Cow::Owned(text), true)
        }
        text => (text, cut),
    }
}

/// The first bytes, at most `bytes_max`, without a part of a character at the end.
fn head(bytes: &[u8], bytes_max: usize) -> &[u8] {
    if bytes.len() <= bytes_max {
        return bytes;
    }
    // A character has at most three bytes after its first.
    let whole = (bytes_max - 3..=bytes_max).rev().find(|&end| bytes[end] & 0xc0 != 0x80);
    &bytes[..whole.unwrap_or(bytes_max)]
}

#[cfg(test)]
mod tests;
