//! The sizes of request buffers, which some limits must fit.

/// Bytes of a typical request head, which shares the buffer with the body.
const HEAD_BYTES: u64 = 1024;

/// The smallest buffer: fits a browser's head and a small batch.
pub const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Buffer sizes, each about four times the previous one, so that a growing request is copied few times.
pub const BUFFER_BYTES: [usize; 7] = [
    BUFFER_BYTES_MIN,
    32 * 1024 + BUFFER_BYTES_MIN,
    128 * 1024 + BUFFER_BYTES_MIN,
    512 * 1024 + BUFFER_BYTES_MIN,
    2 * 1024 * 1024 + BUFFER_BYTES_MIN,
    8 * 1024 * 1024 + BUFFER_BYTES_MIN,
    32 * 1024 * 1024 + BUFFER_BYTES_MIN,
];

/// The buffer needed for a body of `bytes` with a typical head.
pub fn buffer_for(bytes: u64) -> Option<u64> {
    let needed = bytes.saturating_add(HEAD_BYTES);
    BUFFER_BYTES.iter().map(|&size| size as u64).find(|&size| size >= needed)
}

/// The largest body that fits, with its head, into a buffer of at most `bytes`.
pub fn body_within(bytes: u64) -> u64 {
    let largest = BUFFER_BYTES.iter().rev().map(|&size| size as u64).find(|&size| size <= bytes);
    largest.unwrap_or_default().saturating_sub(HEAD_BYTES)
}
