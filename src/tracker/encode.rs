//! Writes numbers and strings as trackers do; [`super::primitive`] reads them.

/// Appends an unsigned number: LEB128, seven bits per byte, the lowest first.
pub fn write_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number: zigzag, then LEB128.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    write_uint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends a string: its length in bytes, then the bytes.
pub fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    write_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
