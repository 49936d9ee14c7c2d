//! The sizes in which request buffers come, which some limits must fit.

/// Bytes of a usual head, which stands before the body in the same buffer.
const HEAD_BYTES: u64 = 1024;

/// The smallest buffer: a browser's head and a small batch fit.
pub const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Sizes of buffers. Each is about four times the one before, so that a growing request copies little.
pub const BUFFER_BYTES: [usize; 7] = [
    BUFFER_BYTES_MIN,
    32 * 1024 + BUFFER_BYTES_MIN,
    128 * 1024 + BUFFER_BYTES_MIN,
    512 * 1024 + BUFFER_BYTES_MIN,
    2 * 1024 * 1024 + BUFFER_BYTES_MIN,
    8 * 1024 * 1024 + BUFFER_BYTES_MIN,
    32 * 1024 * 1024 + BUFFER_BYTES_MIN,
];

/// The buffer that a body of `bytes` with a usual head needs.
pub fn buffer_for(bytes: u64) -> Option<u64> {
    let needed = bytes.saturating_add(HEAD_BYTES);
    BUFFER_BYTES.iter().map(|&size| size as u64).find(|&size| size >= needed)
}

/// The largest body whose buffer is within `bytes`.
pub fn body_within(bytes: u64) -> u64 {
    let largest = BUFFER_BYTES.iter().rev().map(|&size| size as u64).find(|&size| size <= bytes);
    largest.unwrap_or_default().saturating_sub(HEAD_BYTES)
}
