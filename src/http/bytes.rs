//! Which bytes are allowed where.

/// Whether a token, such as a method or a header's name, may contain this byte (RFC 9110, 5.6.2).
pub(super) fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+')
        || matches!(byte, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

/// Whether a header's value may contain this byte (RFC 9110, 5.5): anything except control bytes other than tabs.
pub(super) fn is_text_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}
