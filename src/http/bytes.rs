//! Which bytes may stand where.

/// Whether this byte may stand in a token, such as a method or a header's name (RFC 9110, 5.6.2).
pub(super) fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+')
        || matches!(byte, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

/// Whether this byte may stand in a header's value (RFC 9110, 5.5): anything but control bytes, tabs excepted.
pub(super) fn is_text_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}
